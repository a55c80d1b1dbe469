package line

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Op is how a condition compares.
type Op string

const (
	Equal      Op = "="  // as text, or as numbers if both are some
	NotEqual   Op = "!=" // what is missing is not equal to anything
	Matches    Op = "~"  // an expression, in Go's syntax, somewhere in the text
	MatchesNot Op = "!~"
	Less       Op = "<" // this and the others: numbers only
	AtMost     Op = "<="
	More       Op = ">"
	AtLeast    Op = ">="
)

// Condition is something that is asked of a field. One that is missing meets only those
// with NotEqual and MatchesNot.
type Condition struct {
	Field string
	Op    Op
	Value string
}

// String is the condition as ParseCondition reads it.
func (c Condition) String() string { return c.Field + string(c.Op) + c.Value }

// ParseCondition reads a condition, such as status>=500 or path~^/api. The first operator
// ends the field's name. Errors name the condition.
func ParseCondition(s string) (Condition, error) {
	if !utf8.ValidString(s) {
		return Condition{}, fmt.Errorf("condition %.100q is not UTF-8", s)
	}
	i := strings.IndexAny(s, "=!~<>")
	if i < 0 {
		return Condition{}, fmt.Errorf("condition %.100q has no operator: write FIELD=VALUE, or with != ~ !~ < <= > or >=", s)
	}
	op, value := cutOp(s[i:])
	c := Condition{s[:i], op, value}
	switch {
	case op == "":
		return Condition{}, fmt.Errorf("condition %.100q: after ! comes = or ~", s)
	case c.Field == "":
		return Condition{}, fmt.Errorf("condition %.100q has no field before the %s", s, op)
	case strings.TrimSpace(c.Field) != c.Field:
		return Condition{}, fmt.Errorf("condition %.100q: write it without blanks around the field and the %s", s, op)
	}
	if _, err := c.meets(); err != nil {
		return Condition{}, err
	}
	return c, nil
}

// cutOp cuts the operator off that s begins with; "": there is none.
func cutOp(s string) (Op, string) {
	for _, op := range []Op{NotEqual, MatchesNot, AtMost, AtLeast, Equal, Matches, Less, More} {
		if rest, ok := strings.CutPrefix(s, string(op)); ok {
			return op, rest
		}
	}
	return "", s
}

// meets returns what says whether a value meets the condition.
func (c Condition) meets() (func(Value) bool, error) {
	switch c.Op {
	case Equal:
		return c.equal(), nil
	case NotEqual:
		return not(c.equal()), nil
	case Matches:
		return c.matches()
	case MatchesNot:
		matches, err := c.matches()
		return not(matches), err
	case Less:
		return c.compares(func(order int) bool { return order < 0 })
	case AtMost:
		return c.compares(func(order int) bool { return order <= 0 })
	case More:
		return c.compares(func(order int) bool { return order > 0 })
	case AtLeast:
		return c.compares(func(order int) bool { return order >= 0 })
	default:
		return nil, fmt.Errorf("condition %.100q: %q is no operator", c, string(c.Op))
	}
}

func not(meets func(Value) bool) func(Value) bool {
	return func(v Value) bool { return !meets(v) }
}

func (c Condition) equal() func(Value) bool {
	text := []byte(c.Value)
	number, isNumber := parseDecimal(text)
	return func(v Value) bool {
		if bytes.Equal(v.Text, text) {
			return v.Kind != Missing
		}
		if !isNumber {
			return false
		}
		n, ok := parseDecimal(v.Text)
		return ok && n.compare(number) == 0
	}
}

func (c Condition) matches() (func(Value) bool, error) {
	expression, err := compile(c.Value)
	if err != nil {
		return nil, fmt.Errorf("condition %.100q: %w", c, err)
	}
	return func(v Value) bool { return v.Kind != Missing && expression.Match(v.Text) }, nil
}

// compares returns what says whether a value is in one of the orders that right accepts:
// -1 if it is less than the condition's, 0 if it is equal, 1 if it is more.
func (c Condition) compares(right func(order int) bool) (func(Value) bool, error) {
	number, ok := parseDecimal([]byte(c.Value))
	if !ok {
		return nil, fmt.Errorf("condition %.100q: %s compares numbers: write one behind it, such as 500 or 1.5", c, c.Op)
	}
	return func(v Value) bool {
		n, ok := parseDecimal(v.Text)
		return ok && right(n.compare(number))
	}, nil
}
