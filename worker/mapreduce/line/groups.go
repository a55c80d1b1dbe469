package line

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

var errNoMatch = errors.New("does not match")

// groups reads lines whose fields are the named groups of an expression.
type groups struct {
	expression *regexp.Regexp
	wanted     []int // the group of each value
}

func newGroups(text string, names []string) (*groups, error) {
	if text == "" {
		return nil, errors.New("regexp: there is none")
	}
	expression, err := compile(text)
	if err != nil {
		return nil, fmt.Errorf("regexp %.60q: %w", text, err)
	}
	g := &groups{expression: expression}
	for _, name := range names {
		n := expression.SubexpIndex(name)
		if n < 0 {
			return nil, fmt.Errorf("field %q: the regexp has no such group, %s", name, named(expression))
		}
		g.wanted = append(g.wanted, n)
	}
	return g, nil
}

// named says which named groups an expression has.
func named(expression *regexp.Regexp) string {
	var names []string
	for _, name := range expression.SubexpNames() {
		if name != "" {
			names = append(names, name)
		}
	}
	if names == nil {
		return "and none with a name: write (?P<name>…)"
	}
	return "only " + strings.Join(names, ", ")
}

func (g *groups) read(values []Value, line []byte) error {
	match := g.expression.FindSubmatchIndex(line)
	if match == nil {
		return errNoMatch
	}
	for n, group := range g.wanted {
		if start, end := match[2*group], match[2*group+1]; start >= 0 {
			values[n] = Value{String, line[start:end]}
		}
	}
	return nil
}

// compile compiles an expression that somebody has written.
func compile(text string) (*regexp.Regexp, error) {
	if len(text) > MaxRegexp {
		return nil, fmt.Errorf("it has more than %d bytes", MaxRegexp)
	}
	r, err := regexp.Compile(text)
	if err, ok := errors.AsType[*syntax.Error](err); ok { // its own text may have several lines
		return nil, fmt.Errorf("%s: %q", err.Code, err.Expr)
	}
	return r, err
}
