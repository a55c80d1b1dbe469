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
// Lines of one log mostly have the same fields in the same order. So what a field begins
// with, its name and the colon, is first compared with what came after the field before it
// the last time; only where it is something else is it read.
type object struct {
	places  map[string][]int // of the fields that are wanted: where their values go
	known   map[string]*field
	start   field  // what is before the first of a line
	other   field  // one that is not among those known
	scratch []byte // texts of this line that were written with escapes
}

// field is a field as lines have it.
type field struct {
	text   string // its name and the colon, with the space around them
	places []int
	next   *field // what came after it; nil: nothing is known to have
}

// The bounds of what is known: so many fields, of so many bytes.
const (
	maxKnown     = 256
	maxKnownText = 256
)

func newObject(names []string) (*object, error) {
	o := &object{places: map[string][]int{}, known: map[string]*field{}}
	for n, name := range names {
		if !utf8.ValidString(name) {
			return nil, fmt.Errorf("field %q is not UTF-8", name)
		}
		o.places[name] = append(o.places[name], n)
	}
	return o, nil
}

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
	f := &o.start
	for {
		var err error
		if f.next != nil && hasAt(b, i, f.next.text) {
			f = f.next
			i = skipSpace(b, i+len(f.text))
		} else if i, f, err = o.learn(b, i, f); err != nil {
			return err
		}
		end, err := skipValue(b, i)
		if err != nil {
			return err
		}
		if f.places != nil {
			o.put(values, f.places, b[i:end])
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

// learn reads what the field at i begins with, which is then known to come after the one
// before it. It returns where its value begins.
func (o *object) learn(b []byte, i int, before *field) (int, *field, error) {
	start := skipSpace(b, i)
	end, value, err := skipName(b, start)
	if err != nil {
		return i, nil, err
	}
	text := b[i:value]
	f := o.known[string(text)]
	if f == nil {
		places := o.places[string(o.text(b[start:end]))]
		if len(o.known) == maxKnown || len(text) > maxKnownText {
			o.other.places = places
			return value, &o.other, nil
		}
		f = &field{text: string(text), places: places}
		o.known[f.text] = f
	}
	before.next = f
	return value, f, nil
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
