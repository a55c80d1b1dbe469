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
// Lines of one log mostly have the same fields in the same order. So what is between two
// values, a name and its punctuation, is first compared with what came there the last time;
// only where it is something else is it read.
type object struct {
	places  map[string][]int // of the fields that are wanted: where their values go
	known   map[string]*field
	room    int    // for how many more
	start   field  // what is before the first of a line
	other   field  // one that is not among those known; nothing is known to come after it
	scratch []byte // texts of this line that were written with escapes
}

// field is a field as lines have it: one name has several, behind a string or something
// else, with a string or something else behind it.
type field struct {
	text   string // what is between its value and the one before it, with a string's quotes
	head   prefix // of the text
	quoted bool   // the text ends with the quote that a string begins with
	places []int
	next   *field // what came after it; nil: nothing is known to have
}

// The bounds of what is known: so many fields, of so many bytes.
const (
	maxKnown     = 1024
	maxKnownText = 256
)

func newObject(names []string) (*object, error) {
	o := &object{places: map[string][]int{}, known: map[string]*field{}, room: maxKnown}
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
	f, i := &o.start, 0
	for {
		var err error
		if next := f.next; next != nil && next.head.isAt(b, i) && next.restIsAt(b, i) {
			f = next
			i += len(f.text)
		} else if f, i, err = o.learn(b, i, f); f == nil {
			return err
		}
		start := i
		if f.quoted {
			if i = skipUsual(b, i); at(b, i) != '"' {
				i, err = skipRest(b, i)
			}
		} else if i = skipUsualNumber(b, i); i == start {
			// Another value; a string too, where the text was learnt without its quote.
			start = skipSpace(b, i)
			i, err = skipValue(b, start)
		}
		if err != nil {
			return err
		}
		if f.places != nil {
			o.put(values, f, b[start:i])
		}
	}
}

// restIsAt reports whether the text is at i, where its head is known to be.
func (f *field) restIsAt(b []byte, i int) bool {
	return len(f.text) <= twoWords || hasAt(b, i+twoWords, f.text[twoWords:])
}

// put puts what a value stands for, which is known to be right, in its field's places.
func (o *object) put(values []Value, f *field, text []byte) {
	v := Value{Other, text}
	switch {
	case f.quoted:
		v = Value{String, o.text(text)}
	case text[0] == '"':
		v = Value{String, o.text(text[1 : len(text)-1])}
	case text[0] == '-' || '0' <= text[0] && text[0] <= '9':
		v = Value{Number, text}
	}
	for _, place := range f.places {
		values[place] = v
	}
}

// text returns what the inside of a string stands for.
func (o *object) text(s []byte) []byte {
	if bytes.IndexByte(s, '\\') < 0 {
		return s
	}
	before := len(o.scratch)
	o.scratch = unquote(o.scratch, s)
	return o.scratch[before:]
}
