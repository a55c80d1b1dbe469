package line

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"unicode/utf8"
)

// Any two lines are to us what they are to encoding/json, whichever comes first, and however
// many fields a Reader may know.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":"\u00e9\ud83d","status":200}`), []byte(`{"a":1.5e3,"b":[{"x":null}]}`), "status", uint8(2))
	f.Add([]byte(`{"a" : "x" , "b":{}}`), []byte(`{"a" : "y" , "b" :true} `), "", uint8(255))
	f.Add([]byte(`{"a":"é😀\n"}`), []byte("{\"a\":\"\xff\"}"), "é", uint8(255))
	f.Add([]byte(`{"\u0061":-0.0}`), []byte(`{"a":01}`), "\u0061", uint8(1))
	f.Add([]byte(accessLog(1)[0]), []byte(`{"a":[[],[1,2],{"":[]}]}`), "request_id", uint8(255))
	f.Add([]byte(`{"b":"","b":"","a":"10","b":"0123456789"}`), []byte(`{"b":"","b":"","a":10","b":"0123456789"}`), "", uint8(2))
	f.Fuzz(func(t *testing.T, one, two []byte, name string, room uint8) {
		names := []string{"a", name, "b", "a"}
		r, err := NewReader(Format{Kind: JSON}, names)
		if err != nil {
			if utf8.ValidString(name) {
				t.Fatal(err)
			}
			return
		}
		r.format.(*object).room = int(room)
		for _, line := range [][]byte{one, two, two, one} {
			values, err := r.Fields(line)
			if good := isObject(line); good != (err == nil) {
				t.Fatalf("%q: %v, and an object: %v", line, err, good)
			}
			if err != nil {
				if !slices.Contains(jsonErrors, err) {
					t.Fatalf("%q: %v is an error of its own", line, err)
				}
				continue
			}
			if got, want := show(values), wanted(t, line, names); got != want {
				t.Fatalf("%q %q: got %s, want %s", line, names, got, want)
			}
		}
	})
}

var jsonErrors = []error{errEmpty, errObject, errMore, errShort, errName, errColon, errValue, errComma, errDepth, errNumber, errControl, errEscape, errUTF8}

// isObject says whether encoding/json takes a line as an object, and it is UTF-8, of which
// encoding/json makes no point, and not too deep.
func isObject(line []byte) bool {
	if !utf8.Valid(line) || !json.Valid(line) || bytes.TrimLeft(line, " \t\r\n")[0] != '{' {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	for depth := 0; ; {
		token, err := d.Token()
		if err != nil {
			return true // the end
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth > MaxDepth {
			return false
		}
	}
}

// wanted is what encoding/json makes of a line's fields.
func wanted(t *testing.T, line []byte, names []string) string {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		t.Fatal(err)
	}
	values := make([]Value, len(names))
	for n, name := range names {
		raw, ok := fields[name]
		switch {
		case !ok:
		case raw[0] == '"':
			var text string
			if err := json.Unmarshal(raw, &text); err != nil {
				t.Fatal(err)
			}
			values[n] = Value{String, []byte(text)}
		case raw[0] == '-' || '0' <= raw[0] && raw[0] <= '9':
			values[n] = Value{Number, raw}
		default:
			values[n] = Value{Other, raw}
		}
	}
	return show(values)
}
