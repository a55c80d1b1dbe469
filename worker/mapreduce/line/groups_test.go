package line

import "testing"

func TestRegexp(t *testing.T) {
	const combined = `^(?P<client>\S+) .* "(?P<method>[A-Z]+) (?P<path>[^ "]*)[^"]*" (?P<status>\d{3}) (?P<bytes>\d+|-)(?: "(?P<agent>[^"]*)")?$`
	cases := []struct{ name, line, want string }{
		{"a line", `192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET /a?b HTTP/1.0" 200 2326`, `"200" "/a?b" - "200"`},
		{"an empty group", `192.0.2.1 - - "GET  HTTP/1.0" 200 - ""`, `"200" "" "" "200"`},
		{"a carriage return at the end", "192.0.2.1 - - \"GET / HTTP/1.0\" 404 - \"x\"\r", `"404" "/" "x" "404"`},
		{"bytes that are no characters", "\xff - - \"GET /\xfe HTTP/1.0\" 200 1", `"200" "/\xfe" - "200"`},
		{"another line", `it does not`, `[does not match]`},
		{"nothing", ``, `[does not match]`},
	}
	r := newReader(t, Format{Kind: Regexp, Regexp: combined}, "status", "path", "agent", "status")
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := read(r, c.line); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	t.Run("without a field", func(t *testing.T) {
		r := newReader(t, Format{Kind: Regexp, Regexp: "x"})
		if got := read(r, "axb"); got != "" {
			t.Errorf("got %s", got)
		}
		if got := read(r, "ab"); got != "[does not match]" {
			t.Errorf("got %s", got)
		}
	})
}
