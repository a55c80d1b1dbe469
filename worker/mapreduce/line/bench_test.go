package line

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// accessLog is lines as the proxy writes them, always the same.
func accessLog(lines int) []string {
	r := rand.New(rand.NewPCG(1, 2))
	methods := []string{"GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE"}
	statuses := []int{200, 200, 200, 200, 201, 304, 404, 500}
	log := make([]string, lines)
	for n := range log {
		log[n] = fmt.Sprintf(`{"time":"2026-11-22T%02d:%02d:%02d.%06dZ","level":"INFO","msg":"exchange","client":"192.0.2.%d:%d",`+
			`"method":"%s","path":"/users/%d","status":%d,"bytes_in":%d,"bytes_out":%d,"duration_ms":%.3f,"upstream_ms":%.3f,`+
			`"instance":"worker-%d","tries":1,"broken":false,"request_id":"%016x%016x"}`,
			n/3600%24, n/60%60, n%60, r.IntN(1e6), r.IntN(256), 1024+r.IntN(60000),
			methods[r.IntN(len(methods))], r.IntN(100000), statuses[r.IntN(len(statuses))], r.IntN(2)*r.IntN(2000), r.IntN(100000),
			20*r.ExpFloat64(), 19*r.ExpFloat64(), r.IntN(20), r.Uint64(), r.Uint64())
	}
	return log
}

// benchmark reports the time that do takes for a line of text.
func benchmark(b *testing.B, name string, text []string, do func(line []byte) error) {
	b.Run(name, func(b *testing.B) {
		lines := make([][]byte, len(text))
		size := 0
		for n, line := range text {
			lines[n] = []byte(line)
			size += len(line)
		}
		b.SetBytes(int64(size / len(lines)))
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			if err := do(lines[n]); err != nil {
				b.Fatal(err)
			}
			if n++; n == len(lines) {
				n = 0
			}
		}
	})
}

// fields is what reads these fields of a line.
func fields(b *testing.B, f Format, names ...string) func(line []byte) error {
	r := newReader(b, f, names...)
	return func(line []byte) error {
		_, err := r.Fields(line)
		return err
	}
}

func BenchmarkJSON(b *testing.B) {
	log := accessLog(10000)
	benchmark(b, "one field", log, fields(b, Format{Kind: JSON}, "status"))
	benchmark(b, "five fields", log, fields(b, Format{Kind: JSON}, "status", "path", "client", "duration_ms", "method"))
	spaced := edited(log, `":`, `": `, `,"`, `, "`)
	benchmark(b, "with space", spaced, fields(b, Format{Kind: JSON}, "status"))
	turns := make([]string, len(log)) // every other line has a field more, in front
	for n, line := range log {
		turns[n] = line
		if n%2 == 0 {
			turns[n] = `{"service":"apps",` + line[1:]
		}
	}
	benchmark(b, "two kinds of line by turns", turns, fields(b, Format{Kind: JSON}, "status"))
	benchmark(b, "nested", edited(log, `"status":`, `"response":{"x":[1,2,{}]},"status":`), fields(b, Format{Kind: JSON}, "status"))
	benchmark(b, "escapes", edited(log, `/users/`, `\/users\/\u00e9`), fields(b, Format{Kind: JSON}, "path"))
	benchmark(b, "beyond ASCII", edited(log, `/users/`, `/пользователи/世界/`), fields(b, Format{Kind: JSON}, "path"))
	benchmark(b, "encoding-json's Valid", log, func(line []byte) error {
		if !json.Valid(line) {
			return errObject
		}
		return nil
	})
}

// edited is lines with something else for parts of them.
func edited(lines []string, parts ...string) []string {
	replacer := strings.NewReplacer(parts...)
	all := make([]string, len(lines))
	for n, line := range lines {
		all[n] = replacer.Replace(line)
	}
	return all
}

// combined is lines as most servers write them.
func combined(lines int) []string {
	r := rand.New(rand.NewPCG(1, 2))
	log := make([]string, lines)
	for n := range log {
		log[n] = fmt.Sprintf(`192.0.2.%d - - [22/Nov/2026:07:%02d:%02d +0000] "GET /users/%d HTTP/1.1" %d %d "https://example.org/" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"`,
			r.IntN(256), n/60%60, n%60, r.IntN(100000), 200+100*r.IntN(4), r.IntN(100000))
	}
	return log
}

func BenchmarkColumns(b *testing.B) {
	log := combined(10000)
	benchmark(b, "blanks", log, fields(b, Format{Kind: Columns}, "9"))
	benchmark(b, "separator", log, fields(b, Format{Kind: Columns, Separator: " "}, "9"))
	benchmark(b, "blanks, five columns", log, fields(b, Format{Kind: Columns}, "1", "4", "7", "9", "10"))
}

func BenchmarkRegexp(b *testing.B) {
	log := combined(10000)
	benchmark(b, "status", log, fields(b, Format{Kind: Regexp, Regexp: `" (?P<status>\d{3}) `}, "status"))
	benchmark(b, "the whole line", log, fields(b, Format{Kind: Regexp,
		Regexp: `^(?P<client>\S+) \S+ \S+ \[[^]]*\] "(?P<method>\S+) (?P<path>\S+)[^"]*" (?P<status>\d{3}) (?P<bytes>\d+|-)`}, "status", "path"))
}

func BenchmarkFilter(b *testing.B) {
	names := []string{"status", "path", "duration_ms"}
	r := newReader(b, Format{Kind: JSON}, names...)
	values, err := r.Fields([]byte(accessLog(1)[0]))
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []Condition{
		{"status", Equal, "999"}, {"path", Equal, "/users/1"}, {"status", AtLeast, "100"}, {"duration_ms", More, "1.5"}, {"path", Matches, "^/api"},
	} {
		f, err := NewFilter([]Condition{c}, names)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f.Match(values)
			}
		})
	}
}
