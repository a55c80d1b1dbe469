package line

import (
	"strings"
	"testing"
)

func TestJSON(t *testing.T) {
	names := []string{"a", "b"}
	cases := []struct{ name, line, want string }{
		{"no fields", `{}`, `- -`},
		{"no fields, and space", `{ }`, `- -`},
		{"a string and a number", `{"a":"x","b":-1.50e+3}`, `"x" -1.50e+3`},
		{"empty strings", `{"a":"","":"x"}`, `"" -`},
		{"words", `{"a":true,"b":false}`, `<true> <false>`},
		{"null is not missing", `{"a":null}`, `<null> -`},
		{"an object and an array, as they were written", `{"a":{"b": [1, {}]},"b":[ ]}`, `<{"b": [1, {}]}> <[ ]>`},
		{"fields of inner objects do not count", `{"x":{"a":1,"b":2}}`, `- -`},
		{"of duplicates the last counts", `{"a":1,"b":2,"a":"\n"}`, `"\n" 2`},
		{"space wherever it may be", "\t { \"a\" : 1 , \"b\"\n:\r[ 1 , { \"c\" : 2 } ] } \t", `1 <[ 1 , { "c" : 2 } ]>`},
		{"a carriage return at the end", "{\"a\":1}\r", `1 -`},
		{"names with escapes", `{"\u0061":1,"\u0062x":2}`, `1 -`},
		{"a long name", `{"` + strings.Repeat("x", 1000) + `":1,"a":2}`, `2 -`},
		{"many fields", `{"a":1,` + wide(2 * maxKnown)[1:], `1 -`},
		{"every escape", `{"a":"\"\\\/\b\f\n\r\t\u00e9\u20AC"}`, `"\"\\/\b\f\n\r\té€" -`},
		{"a surrogate pair", `{"a":"<\ud83d\ude00>"}`, `"<😀>" -`},
		{"half a pair", `{"a":"\ud83d","b":"\ude00\ud83dx"}`, `"�" "��x"`},
		{"half a pair before a pair", `{"a":"\ud83d\ud83d\ude00","b":"\ud83d\n"}`, `"�😀" "�\n"`},
		{"half a pair before a character", `{"a":"\ud83d\u0041"}`, `"�A" -`},
		{"half a pair before another escape", `{"a":"\ud83d\nde00"}`, `"�\nde00" -`},
		{"beyond ASCII", `{"a":"Zoë 世界 😀","b":"é"}`, `"Zoë 世界 😀" "é"`},
		{"DEL is a character", "{\"a\":\"\x7f\"}", `"\x7f" -`},
		{"U+FFFD itself", "{\"a\":\"\ufffd\"}", `"�" -`},
		{"numbers", `{"a":0,"b":-0.0E-10}`, `0 -0.0E-10`},
		{"numbers with a point", `{"a":0.5,"b":10.25}`, `0.5 10.25`},
		{"numbers with an exponent", `{"a":1e5,"b":1.5E5}`, `1e5 1.5E5`},
		{"numbers of a word", `{"a":12345678,"b":123.4567}`, `12345678 123.4567`},
		{"numbers of nearly a word", `{"a":1234567,"b":12345.6}`, `1234567 12345.6`},
		{"a long number", `{"a":12345678901234567890.12345678901234567890}`, `12345678901234567890.12345678901234567890 -`},

		{"nothing", ``, `[is empty]`},
		{"space", " \r", `[is empty]`},
		{"an array", `[1]`, `[is not a JSON object]`},
		{"a string", `"{}"`, `[is not a JSON object]`},
		{"no JSON", `GET / 200`, `[is not a JSON object]`},
		{"a byte order mark", "\ufeff{}", `[is not a JSON object]`},
		{"two objects", `{"a":1}{"a":1}`, `[goes on after its JSON object]`},
		{"more behind no fields", `{} x`, `[goes on after its JSON object]`},
		{"a zero behind it", "{}\x00", `[goes on after its JSON object]`},
		{"two carriage returns behind it", "{\"a\":1}\r\r", `1 -`},
		{"the beginning only", `{`, `[ends too early]`},
		{"cut in a name", `{"a`, `[ends too early]`},
		{"cut after a name", `{"a"`, `[ends too early]`},
		{"cut after a colon", `{"a":`, `[ends too early]`},
		{"cut in a string", `{"a":"x`, `[ends too early]`},
		{"cut in an escape", `{"a":"\`, `[ends too early]`},
		{"cut in another escape", `{"a":"\u12`, `[ends too early]`},
		{"cut in a number", `{"a":-`, `[ends too early]`},
		{"cut after a value", `{"a":1`, `[ends too early]`},
		{"cut after a word", `{"a":true`, `[ends too early]`},
		{"cut after a comma", `{"a":1,`, `[ends too early]`},
		{"cut in an array", `{"a":[1`, `[ends too early]`},
		{"cut at the beginning of an array", `{"a":[`, `[ends too early]`},
		{"cut in an inner object", `{"a":{"b"`, `[ends too early]`},
		{"a comma too many", `{"a":1,}`, `[has something else where a name in quotes should be]`},
		{"a name without quotes", `{a:1}`, `[has something else where a name in quotes should be]`},
		{"a name in other quotes", `{'a':1}`, `[has something else where a name in quotes should be]`},
		{"a name without quotes inside", `{"a":{b:1}}`, `[has something else where a name in quotes should be]`},
		{"no colon", `{"a" 1}`, `[has something else where a colon should be]`},
		{"no value", `{"a":}`, `[has something else where a value should be]`},
		{"a comma too many in an array", `{"a":[1,]}`, `[has something else where a value should be]`},
		{"an array that begins with a comma", `{"a":[,1]}`, `[has something else where a value should be]`},
		{"a word that is none", `{"a":nul}`, `[has something else where a value should be]`},
		{"a word in capitals", `{"a":True}`, `[has something else where a value should be]`},
		{"a word that goes on", `{"a":true1}`, `[has something else where a comma should be]`},
		{"not a number", `{"a":NaN}`, `[has something else where a value should be]`},
		{"a value that is something else's end", `{"a":]`, `[has something else where a value should be]`},
		{"no comma", `{"a":1 "b":2}`, `[has something else where a comma should be]`},
		{"no comma in an array", `{"a":[[] 1]}`, `[has something else where a comma should be]`},
		{"the wrong end", `{"a":[1}}`, `[has something else where a comma should be]`},
		{"the wrong end of the line", `{"a":1]`, `[has something else where a comma should be]`},
		{"a zero in front", `{"a":01}`, `[has a number that is not one of JSON]`},
		{"a zero in front, and a point", `{"a":01.5}`, `[has a number that is not one of JSON]`},
		{"two points", `{"a":1.2.3}`, `[has something else where a comma should be]`},
		{"no digit between the point and the e", `{"a":1.e5}`, `[has a number that is not one of JSON]`},
		{"a plus in front", `{"a":+1}`, `[has something else where a value should be]`},
		{"a minus alone", `{"a":-}`, `[has a number that is not one of JSON]`},
		{"no digit before the point", `{"a":.5}`, `[has something else where a value should be]`},
		{"no digit behind the point", `{"a":1.}`, `[has a number that is not one of JSON]`},
		{"no digit behind the e", `{"a":1e+}`, `[has a number that is not one of JSON]`},
		{"hexadecimal", `{"a":0x1}`, `[has something else where a comma should be]`},
		{"a digit of another kind", `{"a":1２,"b":"0123456789"}`, `[has something else where a comma should be]`},
		{"a colon in it", `{"a":1:234567890}`, `[has something else where a comma should be]`},
		{"a tab in a string", "{\"a\":\"\t\"}", `[has a control character in a string]`},
		{"a zero in a name", "{\"\x00\":1}", `[has a control character in a string]`},
		{"a control character far into a string", "{\"a\":\"0123456789abcde\x1f0123456789abcdef\"}", `[has a control character in a string]`},
		{"an escape that is none", `{"a":"\x41"}`, `[has an unknown escape in a string]`},
		{"an escape in capitals", `{"a":"\N"}`, `[has an unknown escape in a string]`},
		{"an escape with a letter too far", `{"a":"\u00g0"}`, `[has an unknown escape in a string]`},
		{"an escape with a letter too far at its end", `{"a":"\u000g"}`, `[has an unknown escape in a string]`},
		{"a byte that is no character", "{\"a\":\"x\xff\"}", `[is not UTF-8]`},
		{"half a character", "{\"a\":\"\xe4\xb8\"}", `[is not UTF-8]`},
		{"a character written too long", "{\"a\":\"\xc0\xaf\"}", `[is not UTF-8]`},
		{"a surrogate as bytes", "{\"a\":\"\xed\xa0\x80\"}", `[is not UTF-8]`},
		{"wrong in a field that nobody wants", "{\"a\":1,\"x\":[{\"y\":\"\xff\"}]}", `[is not UTF-8]`},
		{"as deep as it may be", `{"a":` + deep(MaxDepth-1) + `}`, `<` + deep(MaxDepth-1) + `> -`},
		{"too deep", `{"a":` + deep(MaxDepth) + `}`, `[has more than 100 objects and arrays in each other]`},
		{"far too deep", `{"a":` + strings.Repeat("[", 1<<20), `[has more than 100 objects and arrays in each other]`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			lines := []string{c.line}
			if !strings.Contains(c.want, errShort.Error()) {
				lines = append(lines, c.line+strings.Repeat(" ", twoWords)) // words do not end early
			}
			for _, line := range lines {
				r := newReader(t, Format{Kind: JSON}, names...)
				for _, time := range []string{"first", "second"} {
					if got := read(r, line); got != c.want {
						t.Errorf("%.100q the %s time: got %s, want %s", line, time, got, c.want)
					}
				}
			}
		})
	}
}

// deep is so many objects and arrays, one in the other.
func deep(n int) string {
	return strings.Repeat(`[{"x":`, n/2) + strings.Repeat("[]", n%2) + strings.Repeat(`1`, 1-n%2) + strings.Repeat("}]", n/2)
}

// What a Reader has learnt from a line changes nothing in what it makes of the next.
func TestLinesOneAfterTheOther(t *testing.T) {
	r := newReader(t, Format{Kind: JSON}, "a", "b", "a")
	for _, c := range []struct{ line, want string }{
		{`{"a":1,"b":2}`, `1 2 1`},
		{`{"a":3,"b":4}`, `3 4 3`},
		{`{"b":5,"a":6}`, `6 5 6`},
		{`{"b":7}`, `- 7 -`},
		{`{}`, `- - -`},
		{`{"b":8,"x":9,"a":10}`, `10 8 10`},
		{`{"b": 11, "x" : 12, "a":	13}`, `13 11 13`},
		{`{"b":14,"x":15,"a":16}`, `16 14 16`},
		{`{"b":   17,"xx":18,"a":  19}`, `19 17 19`},
		{`{"b":20`, `[ends too early]`},
		{`{"b":`, `[ends too early]`},
		{`{"b"`, `[ends too early]`},
		{`{"b":21,"x":22,"a":"\n"}`, `"\n" 21 "\n"`},
		{`{"\u0062":23,"x":24,"a":25}`, `25 23 25`},
		{`{"\u0062":26,"x":27,"a":28}`, `28 26 28`},
		{`{"b":29,"x"}`, `[has something else where a colon should be]`},
		{`{"b":29,"b":30,"b":31}`, `- 31 -`},
		{wide(2 * maxKnown), `- - -`},
		{`{"` + strings.Repeat("x", 300) + `":32,"a":33}`, `33 - 33`},
		{`{"a":34` + wide(2 * maxKnown)[1:], `[has something else where a comma should be]`},
		{`{"a":35,` + strings.TrimSuffix(wide(2 * maxKnown)[1:], "}") + `,"b":36}`, `35 36 35`},
	} {
		if got := read(r, c.line); got != c.want {
			t.Errorf("%.40s: got %s, want %s", c.line, got, c.want)
		}
	}
}

// What is too long to be known is found all the same.
func TestLongNames(t *testing.T) {
	long := strings.Repeat("x", maxKnownText)
	r := newReader(t, Format{Kind: JSON}, long, "b")
	for _, c := range []struct{ line, want string }{
		{`{"` + long + `":1,"b":2}`, `1 2`},
		{`{"` + long + `y":3,"b":4}`, `- 4`},
		{`{"b":5,"` + long + `":6}`, `6 5`},
		{`{"b":7,"` + long + `":8,"` + long + `y":9}`, `8 7`},
		{`{"` + long + `":"10","b":"0123456789"}`, `"10" "0123456789"`},
		{`{"` + long + `":10","b":"0123456789"}`, `[has something else where a comma should be]`},
	} {
		if got := read(r, c.line); got != c.want {
			t.Errorf("%s: got %s, want %s", strings.ReplaceAll(c.line, long, "x…"), got, c.want)
		}
	}
}

// Names of any length that begin alike are not taken for each other.
func TestNamesThatBeginAlike(t *testing.T) {
	for n := range 3 * twoWords {
		begin := strings.Repeat("x", n)
		r := newReader(t, Format{Kind: JSON}, begin+"a", begin+"b")
		for _, c := range []struct{ end, want string }{
			{"a", `1 -`}, {"b", `- 1`}, {"a", `1 -`}, {"ab", `- -`}, {"b", `- 1`}, {"", `- -`}, {"a", `1 -`},
		} {
			line := `{"` + begin + c.end + `":1,"z":"0123456789abcdef"}`
			if got := read(r, line); got != c.want {
				t.Errorf("%s: got %s, want %s", line, got, c.want)
			}
		}
	}
}

// Wherever something is in a line, and however many bytes are behind it, it is found.
func TestEveryPlaceOfAString(t *testing.T) {
	r := newReader(t, Format{Kind: JSON}, "a")
	for before := range 20 {
		for behind := range 20 {
			for _, c := range []struct{ text, want string }{
				{`x`, `x`}, {`\"`, `"`}, {`é`, `é`}, {`\u0041`, `A`}, {`\\`, `\`},
				{"\x1f", ""}, {`"`, ""}, {"\xff", ""}, {`\`, ""}, {`#`, `#`}, {`]`, `]`}, {`!`, `!`},
			} {
				a, b := strings.Repeat("#", before), strings.Repeat("]", behind)
				values, err := r.Fields([]byte(`{"a":"` + a + c.text + b + `"}`))
				switch {
				case c.want == "" && err == nil:
					t.Fatalf("%q between %d and %d bytes: no error", c.text, before, behind)
				case c.want != "" && (err != nil || string(values[0].Text) != a+c.want+b):
					t.Fatalf("%q between %d and %d bytes: %s %v", c.text, before, behind, show(values), err)
				}
			}
		}
	}
}

// However many lines there are, and whatever is in them, a Reader keeps little of them.
func TestLittleIsKept(t *testing.T) {
	r := newReader(t, Format{Kind: JSON}, "a")
	lines := []string{`{"a":"\n0123456789"}`, `{"` + strings.Repeat("x", maxKnownText) + `":1}`, wide(2 * maxKnown)}
	for range 100 {
		for _, line := range lines {
			if _, err := r.Fields([]byte(line)); err != nil {
				t.Fatal(err)
			}
		}
	}
	o := r.format.(*object)
	if len(o.known) != maxKnown || cap(o.scratch) > 100 {
		t.Errorf("%d fields and %d bytes are kept", len(o.known), cap(o.scratch))
	}
	for text := range o.known {
		if len(text) > maxKnownText {
			t.Errorf("%d bytes are kept of a field", len(text))
		}
	}
}
