package line

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// newReader is NewReader for formats and names that are right.
func newReader(t testing.TB, f Format, names ...string) *Reader {
	t.Helper()
	r, err := NewReader(f, names)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// show writes values so that each kind is told from the others.
func show(values []Value) string {
	var b strings.Builder
	for n, v := range values {
		if n > 0 {
			b.WriteByte(' ')
		}
		switch v.Kind {
		case Missing:
			b.WriteByte('-')
		case String:
			fmt.Fprintf(&b, "%q", v.Text)
		case Number:
			fmt.Fprintf(&b, "%s", v.Text)
		case Other:
			fmt.Fprintf(&b, "<%s>", v.Text)
		}
		if (v.Kind == Missing) != (v.Text == nil) {
			b.WriteString("!") // only what is missing has no text
		}
	}
	return b.String()
}

// read is what a Reader makes of a line: its values, or the error in brackets.
func read(r *Reader, line string) string {
	values, err := r.Fields([]byte(line))
	if err != nil {
		if values != nil {
			return "values with an error"
		}
		return "[" + err.Error() + "]"
	}
	return show(values)
}

func TestFormatsThatAreWrong(t *testing.T) {
	cases := []struct {
		format Format
		names  []string
		want   string
	}{
		{Format{}, nil, `format "" is none of json, columns and regexp`},
		{Format{Kind: "xml"}, nil, `format "xml" is none of json, columns and regexp`},
		{Format{Kind: JSON, Separator: ","}, nil, `separator ",": only lines of columns have one`},
		{Format{Kind: Regexp, Separator: ","}, nil, `separator ",": only lines of columns have one`},
		{Format{Kind: JSON, Regexp: "x"}, nil, `regexp "x": lines in the format json have none`},
		{Format{Kind: Columns, Regexp: "x"}, nil, `regexp "x": lines in the format columns have none`},
		{Format{Kind: JSON}, []string{"status", "\xff"}, `field "\xff" is not UTF-8`},
		{Format{Kind: Columns, Separator: "\xff"}, nil, `separator "\xff" is not UTF-8`},
		{Format{Kind: Columns}, []string{"1", "status"}, `field "status": a column is a number from 1 to 1000`},
		{Format{Kind: Columns}, []string{"0"}, `field "0": a column is a number from 1 to 1000`},
		{Format{Kind: Columns}, []string{"1001"}, `field "1001": a column is a number from 1 to 1000`},
		{Format{Kind: Columns}, []string{"+1"}, `field "+1": a column is a number from 1 to 1000`},
		{Format{Kind: Columns}, []string{"01"}, `field "01": a column is a number from 1 to 1000`},
		{Format{Kind: Columns}, []string{""}, `field "": a column is a number from 1 to 1000`},
		{Format{Kind: Regexp}, nil, `regexp: there is none`},
		{Format{Kind: Regexp, Regexp: "a\n("}, nil, `regexp "a\n(": missing closing ): "a\n("`},
		{Format{Kind: Regexp, Regexp: strings.Repeat("a", MaxRegexp+1)}, nil,
			`regexp "` + strings.Repeat("a", 60) + `": it has more than 4096 bytes`},
		{Format{Kind: Regexp, Regexp: "(?P<a>x)(y)(?P<b>z)"}, []string{"a", "c"},
			`field "c": the regexp has no such group, only a, b`},
		{Format{Kind: Regexp, Regexp: "(x)"}, []string{"a"},
			`field "a": the regexp has no such group, and none with a name: write (?P<name>…)`},
		{Format{Kind: Regexp, Regexp: "(x)"}, []string{""},
			`field "": the regexp has no such group, and none with a name: write (?P<name>…)`},
	}
	for _, c := range cases {
		if _, err := NewReader(c.format, c.names); err == nil || err.Error() != c.want {
			t.Errorf("%+v %q: %v, want %s", c.format, c.names, err, c.want)
		}
	}
	newReader(t, Format{Kind: Regexp, Regexp: strings.Repeat("a", MaxRegexp)}) // is right
}

func TestFormatIsStored(t *testing.T) {
	for _, f := range []Format{
		{Kind: JSON}, {Kind: Columns}, {Kind: Columns, Separator: "\t\"é"}, {Kind: Regexp, Regexp: `^(?P<a>\d+) <\x00`},
	} {
		if got := stored(t, f); got != f {
			t.Errorf("got %+v, want %+v", got, f)
		}
	}
}

// stored is v written as JSON and read strictly.
func stored[T any](t *testing.T, v T) (got T) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestNothingIsAllocated(t *testing.T) {
	cases := []struct {
		name   string
		format Format
		names  []string
		lines  []string
	}{
		{"an access log", Format{Kind: JSON}, []string{"status", "path", "status"}, accessLog(10)},
		{"two kinds of line by turns", Format{Kind: JSON}, []string{"b"}, []string{`{"a":1,"b":"x"}`, `{ "b": [1, {"c": null}] }`}},
		{"escapes", Format{Kind: JSON}, []string{"a\n", "b"}, []string{`{"a\n":"\ud83d\ude00","b":"x\ty"}`}},
		{"more fields than can be known", Format{Kind: JSON}, []string{"last"}, []string{wide(100), wide(2 * maxKnown)}},
		{"lines that are not right", Format{Kind: JSON}, []string{"a"}, []string{"", "1", "{", `{"a"`, `{"a":1`, `{"a":x}`, `{"a":"\x"}`, "{\"a\":\"\xff\"}"}},
		{"columns", Format{Kind: Columns}, []string{"3", "1"}, []string{"a b c d", "e", " \t f\tg h\r"}},
		{"columns with a separator", Format{Kind: Columns, Separator: ", "}, []string{"3", "1"}, []string{"a, b, c", ""}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := newReader(t, c.format, c.names...)
			lines := make([][]byte, len(c.lines))
			for n, line := range c.lines {
				lines[n] = []byte(line)
			}
			n := testing.AllocsPerRun(100, func() {
				for _, line := range lines {
					_, _ = r.Fields(line)
				}
			})
			if n > 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// wide is a line with many fields whose names are of many lengths.
func wide(fields int) string {
	var b strings.Builder
	b.WriteByte('{')
	for n := range fields {
		fmt.Fprintf(&b, `"%s%d": %d, `, strings.Repeat("n", n%100), n, n)
	}
	b.WriteString(`"last": true}`)
	return b.String()
}
