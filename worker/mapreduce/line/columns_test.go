package line

import (
	"strconv"
	"strings"
	"testing"
)

func TestColumns(t *testing.T) {
	cases := []struct{ name, separator, line, want string }{
		{"nothing", "", "", `- - -`},
		{"blanks only", "", " \t ", `- - -`},
		{"one", "", "a", `"a" - "a"`},
		{"blanks and tabs", "", "a b\tc", `"a" "c" "a"`},
		{"runs of them, and some in front and at the end", "", "\t a \t b  c\t", `"a" "c" "a"`},
		{"more than are wanted", "", "a b c d e", `"a" "c" "a"`},
		{"a carriage return at the end", "", "a b c\r", `"a" "c" "a"`},
		{"a carriage return elsewhere", "", "a\r b c\r\r", `"a\r" "c\r" "a\r"`},
		{"a carriage return alone", "", "\r", `- - -`},
		{"other space is none", "", "a\u00a0b \v c", `"a\u00a0b" "c" "a\u00a0b"`},
		{"any bytes", "", "\xff \x00 \xfe", `"\xff" "\xfe" "\xff"`},
		{"numbers are text", "", "1 2 3", `"1" "3" "1"`},

		{"nothing with a separator", ",", "", `- - -`},
		{"one separator", ",", ",", `"" - ""`},
		{"a separator", ",", "a,b,c", `"a" "c" "a"`},
		{"two in a row", ",", "a,,c", `"a" "c" "a"`},
		{"at both ends", ",", ",b,", `"" "" ""`},
		{"blanks stay", ",", " a , b , c ", `" a " " c " " a "`},
		{"not there", ",", "a b c", `"a b c" - "a b c"`},
		{"a longer one", "::", "a:b::c:::d", `"a:b" ":d" "a:b"`},
		{"a tab, and a carriage return at the end", "\t", "a\tb\tc\r", `"a" "c" "a"`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := newReader(t, Format{Kind: Columns, Separator: c.separator}, "1", "3", "1")
			if got := read(r, c.line); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if got := read(r, c.line); got != c.want {
				t.Errorf("the second time: got %s, want %s", got, c.want)
			}
		})
	}
}

func TestTheLastColumn(t *testing.T) {
	r := newReader(t, Format{Kind: Columns}, "1000", "1")
	if got := read(r, strings.Repeat("x ", 999)+"y z"); got != `"y" "x"` {
		t.Errorf("got %s", got)
	}
	if got := read(r, strings.Repeat("x ", 999)); got != `- "x"` {
		t.Errorf("got %s", got)
	}
}

// Columns are what plain code makes of a line.
func FuzzColumns(f *testing.F) {
	f.Add(" a b\tc\r", "a,b", "", 2, 1)
	f.Add("a,b,,c", "", ",", 4, 3)
	f.Add("a::b", ":", "::", 1000, 2)
	f.Fuzz(func(t *testing.T, one, two, separator string, m, n int) {
		r, err := NewReader(Format{Kind: Columns, Separator: separator}, []string{strconv.Itoa(m), strconv.Itoa(n)})
		if err != nil {
			return
		}
		for _, line := range []string{one, two, one} {
			columns := plainColumns(strings.TrimSuffix(line, "\r"), separator)
			want := make([]Value, 2)
			for i, column := range []int{m, n} {
				if column <= len(columns) {
					want[i] = Value{String, []byte(columns[column-1])}
				}
			}
			if got := read(r, line); got != show(want) {
				t.Fatalf("%q by %q: got %s, want %s", line, separator, got, show(want))
			}
		}
	})
}

func plainColumns(line, separator string) []string {
	switch {
	case separator == "":
		return strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
	case line == "":
		return nil
	default:
		return strings.Split(line, separator)
	}
}
