package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestSplitter(t *testing.T) {
	tests := []struct {
		name   string
		max    int
		chunks []string
		lines  []string
		rest   []string // what flush adds
	}{
		{"a line in one piece", 10, []string{"abc\n"}, []string{"abc"}, nil},
		{"a line in pieces comes when it is whole", 10, []string{"a", "b", "c\nd"}, []string{"abc"}, []string{"d"}},
		{"several lines in one piece", 10, []string{"a\nb\n\nc\n"}, []string{"a", "b", "", "c"}, nil},
		{"a line as long as may be", 3, []string{"abc\n"}, []string{"abc"}, nil},
		{"a longer one is cut with a mark", 3, []string{"abcde\nf\n"}, []string{"abc …[cut: 2 bytes more]", "f"}, nil},
		{"a longer one in pieces", 3, []string{"ab", "cd", "e", "\n"}, []string{"abc …[cut: 2 bytes more]"}, nil},
		{"a longer one that never ends", 3, []string{"abcde"}, nil, []string{"abc …[cut: 2 bytes more]"}},
		{"a character is not cut in two", 4, []string{"abcé!\n"}, []string{"abc …[cut: 3 bytes more]"}, nil},
		{"a character that just fits", 5, []string{"abcé!\n"}, []string{"abcé …[cut: 1 bytes more]"}, nil},
		{"DOS line ends", 10, []string{"a\r\nb\r", "\n"}, []string{"a", "b"}, nil},
		{"nothing", 10, []string{"", ""}, nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := splitter{max: test.max}
			var got []string
			emit := func(line []byte) { got = append(got, string(line)) }
			for _, c := range test.chunks {
				s.write([]byte(c), emit)
			}
			if fmt.Sprint(got) != fmt.Sprint(test.lines) || len(got) != len(test.lines) {
				t.Errorf("lines %q, want %q", got, test.lines)
			}
			got = nil
			s.flush(emit)
			if fmt.Sprint(got) != fmt.Sprint(test.rest) || len(got) != len(test.rest) {
				t.Errorf("flush: %q, want %q", got, test.rest)
			}
		})
	}
}

// However a text is cut into pieces, its lines are the same, and lines handed out
// earlier are not overwritten by later ones.
func TestSplitterPieces(t *testing.T) {
	text := []byte(strings.Repeat("ab\n\nlonger than may be — à é\n123456789\n", 20))
	split := func(pieces func(rest int) int) string {
		var lines [][]byte
		s := splitter{max: 9}
		for rest := text; len(rest) > 0; {
			n := pieces(len(rest))
			piece := append([]byte(nil), rest[:n]...)
			s.write(piece, func(line []byte) { lines = append(lines, line) })
			clear(piece)
			rest = rest[n:]
		}
		return fmt.Sprintf("%q", lines)
	}
	want := split(func(rest int) int { return rest })
	for range 200 {
		if got := split(func(rest int) int { return 1 + rand.IntN(min(rest, 30)) }); got != want {
			t.Fatalf("lines depend on the pieces:\n%s\n%s", got, want)
		}
	}
}

func FuzzSplitter(f *testing.F) {
	f.Add([]byte("a\nb"), 3)
	f.Add([]byte("ééééé\n\xff\xfe\xfd\n"), 4)
	f.Fuzz(func(t *testing.T, text []byte, limit int) {
		limit = 1 + (limit&0xff+0x100)%0x100
		s := splitter{max: limit}
		lines := 0
		check := func(line []byte) {
			lines++
			if len(line) > limit+40 {
				t.Fatalf("line of %d bytes, at most %d and a mark wanted", len(line), limit)
			}
			if utf8.Valid(text) && !utf8.Valid(line) {
				t.Fatalf("%q was cut within a character", line)
			}
		}
		s.write(text, check)
		s.flush(check)
		want := strings.Count(string(text), "\n")
		if len(text) > 0 && text[len(text)-1] != '\n' {
			want++
		}
		if lines != want {
			t.Fatalf("%d lines, want %d", lines, want)
		}
	})
}

func TestTimeOf(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.UTC)
	tests := []struct {
		name, line string
		want       time.Time
		ok         bool
	}{
		{"first field", `{"time":"2026-03-04T05:06:07.089Z","msg":"x"}`, at, true},
		{"a later field", `{"msg":"x","time":"2026-03-04T05:06:07.089Z"}`, at, true},
		{"another zone", `{"time":"2026-03-04T06:06:07.089+01:00"}`, at, true},
		{"spaces", `{ "time" : "2026-03-04T05:06:07.089Z" }`, at, true},
		{"a line that was cut", `{"time":"2026-03-04T05:06:07.089Z","msg":"xxxx …[cut`, at, true},
		{"a deeper field does not count", `{"request":{"time":"2026-03-04T05:06:07.089Z"}}`, time.Time{}, false},
		{"no time in it", `{"time":"noon"}`, time.Time{}, false},
		{"a number", `{"time":12}`, time.Time{}, false},
		{"no JSON", `1234:M 04 Mar 2026 05:06:07.089 * Ready to accept connections`, time.Time{}, false},
		{"nothing", ``, time.Time{}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, ok := timeOf([]byte(test.line))
			if ok != test.ok || ok && !got.Equal(test.want) {
				t.Errorf("%v %v, want %v %v", got, ok, test.want, test.ok)
			}
		})
	}
}
