package line

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

var (
	errEmpty  = errors.New("is empty")
	errObject = errors.New("is not a JSON object")
	errMore   = errors.New("goes on after its JSON object")
)

// object reads lines that are objects in JSON.
//
// Lines of one log mostly have the same fields in the same order. So a field's name is
// first compared with the one that was at its place in the line before; only where it is
// another is it read.
type object struct {
	places   map[string][]int // of the fields that are wanted: where their values go
	lengths  uint64           // of their names: a bit for each, the highest for all longer ones
	expected []expected       // by place
	other    expected         // one that is not kept
	scratch  []byte           // texts of this line that were written with escapes
}

// expected is how a field began: its name, the colon, and the space around them.
type expected struct {
	text   []byte
	places []int
}

// The bounds of what is expected, in fields, and in bytes of one.
const (
	maxExpected     = 64
	maxExpectedText = 256
)

func newObject(names []string) (*object, error) {
	o := &object{places: map[string][]int{}}
	for n, name := range names {
		if !utf8.ValidString(name) {
			return nil, fmt.Errorf("field %q is not UTF-8", name)
		}
		o.places[name] = append(o.places[name], n)
		o.lengths |= lengthBit(len(name))
	}
	return o, nil
}

func lengthBit(length int) uint64 { return 1 << min(length, 63) }

func (o *object) read(values []Value, b []byte) error {
	o.scratch = o.scratch[:0]
	i := skipSpace(b, 0)
	switch {
	case i == len(b):
		return errEmpty
	case b[i] != '{':
		return errObject
	}
	i = skipSpace(b, i+1)
	if at(b, i) == '}' {
		return nothing(b, i+1)
	}
	for n := 0; ; n++ {
		var e *expected // how this field begins
		var err error
		if n < len(o.expected) && bytes.HasPrefix(b[i:], o.expected[n].text) {
			e = &o.expected[n]
			i = skipSpace(b, i+len(e.text))
		} else if i, e, err = o.learn(b, i, n); err != nil {
			return err
		}
		end, err := skipValue(b, i)
		if err != nil {
			return err
		}
		if e.places != nil {
			o.put(values, e.places, b[i:end])
		}
		if at(b, end) == ',' {
			i = end + 1
			continue
		}
		i = skipSpace(b, end)
		switch at(b, i) {
		case ',':
			i++
		case '}':
			return nothing(b, i+1)
		default:
			return wrong(b, i, errComma)
		}
	}
}

// put puts what the text of a value stands for in its places.
func (o *object) put(values []Value, places []int, text []byte) {
	v := o.value(text)
	for _, place := range places {
		values[place] = v
	}
}

// nothing checks that there is only space from i on.
func nothing(b []byte, i int) error {
	if skipSpace(b, i) < len(b) {
		return errMore
	}
	return nil
}

// learn reads how the field begins that is at i and the line's nth, and expects that of
// the next line, unless there is too much of it. It returns where the field's value begins.
func (o *object) learn(b []byte, i, n int) (int, *expected, error) {
	start := skipSpace(b, i)
	end, value, err := skipName(b, start)
	if err != nil {
		return i, nil, err
	}
	var places []int
	if name := o.text(b[start:end]); o.lengths&lengthBit(len(name)) != 0 { // mostly it is not
		places = o.places[string(name)]
	}
	if n > len(o.expected) || n == maxExpected || value-i > maxExpectedText {
		o.other.places = places
		return value, &o.other, nil
	}
	if n == len(o.expected) {
		o.expected = append(o.expected, expected{})
	}
	e := &o.expected[n]
	e.text, e.places = append(e.text[:0], b[i:value]...), places
	return value, e, nil
}

// value returns what the text of a value, which is known to be right, stands for.
func (o *object) value(text []byte) Value {
	switch text[0] {
	case '"':
		return Value{String, o.text(text)}
	case '{', '[', 't', 'f', 'n':
		return Value{Other, text}
	default:
		return Value{Number, text}
	}
}

// text returns what a string, which is known to be right, stands for.
func (o *object) text(s []byte) []byte {
	if bytes.IndexByte(s, '\\') < 0 {
		return s[1 : len(s)-1]
	}
	before := len(o.scratch)
	o.scratch = unquote(o.scratch, s)
	return o.scratch[before:]
}
