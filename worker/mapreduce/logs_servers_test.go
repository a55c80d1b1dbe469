//go:build servers

package mapreduce

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"formation/worker/mapreduce/aggregate"
	"formation/worker/mapreduce/input"
	"formation/worker/mapreduce/line"
)

// logs are the texts of files of every awkward kind, in the order of their names.
type logs struct {
	names []string
	texts map[string][]byte // not compressed
}

// newLogs makes logs with about n lines in each file.
func newLogs(b *bench, n int) *logs {
	b.Helper()
	l := &logs{texts: map[string][]byte{}}
	seed := rand.Uint64()
	b.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	add := func(name string, text []byte, write func([]byte) []byte) {
		l.names = append(l.names, name)
		l.texts[name] = text
		b.file(name, write(text))
	}
	plain := func(text []byte) []byte { return text }
	add("a.log", someLines(r, n), plain)
	add("b-empty.log", nil, plain)
	add("c-no-end.log", bytes.TrimRight(someLines(r, n), "\r\n"), plain)
	add("d-only-ends.log", bytes.Repeat([]byte("\n"), 1000), plain)
	add("e-members.log.gz", someLines(r, n), func(text []byte) []byte { return zipped(b, text[:len(text)/3], text[len(text)/3:]) })
	add("f-long.log", slices.Concat(someLines(r, 10), bytes.Repeat([]byte("x"), 3*input.MaxLine), []byte("\n"), someLines(r, n)), plain)
	add("g-long-at-end.log", slices.Concat(someLines(r, 10), bytes.Repeat([]byte("y"), input.MaxLine+1)), plain)
	return l
}

func zipped(b *bench, members ...[]byte) []byte {
	b.Helper()
	var out bytes.Buffer
	for _, m := range members {
		w := gzip.NewWriter(&out)
		_, _ = w.Write(m) // a buffer takes all
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	return out.Bytes()
}

// someLines are lines of JSON, and of what is none.
func someLines(r *rand.Rand, n int) []byte {
	var out []byte
	for range n {
		switch r.IntN(40) {
		case 0:
			out = append(out, "not JSON at all"...)
		case 1:
			out = append(out, `{"status":200,"ms":1.5`...) // cut off
		case 2: // empty
		case 3:
			out = append(out, "{\"status\":200,\"path\":\"\xff\xfe\"}"...)
		case 4:
			out = append(out, `[{"status":200}]`...)
		case 5:
			out = append(out, `{"status":null,"ms":"none","path":"/null"}`...)
		case 6:
			out = append(out, `{"status":"200","ms":"12.25","client":"a\u00e9\ud83d\ude00\"b"}`...)
		case 7:
			out = append(out, `{}`...)
		case 8:
			out = append(out, `{"ms":1e-300,"path":"/a\/b","status":200.0}`+"\r"...)
		case 9:
			out = append(out, `{"status":1,"status":503,"ms":-0.1,"ms":12345678901234567890,"path":{"a":[1,"]"]}}`...)
		default:
			out = fmt.Appendf(out, `{"time":"2026-11-22T07:06:20Z", "status":%d,"path":"/%s","client":"10.0.%d.%d","ms":%s}`,
				[]int{200, 200, 200, 404, 500, 503}[r.IntN(6)], strings.Repeat("p", r.IntN(9)), r.IntN(4), r.IntN(256),
				strconv.FormatFloat(r.ExpFloat64()*10, 'f', r.IntN(7), 64))
		}
		out = append(out, '\n')
	}
	return out
}

// each hands on the lines of all files as one process would find them, and whether they
// are not too long.
func (l *logs) each(do func(text []byte, short bool)) {
	for _, name := range l.names {
		text := l.texts[name]
		if len(text) == 0 {
			continue
		}
		for one := range bytes.SplitSeq(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
			do(one, len(one) <= input.MaxLine)
		}
	}
}

// object is a line as encoding/json has it; false: it is none.
func object(text []byte) (map[string]json.RawMessage, bool) {
	o := map[string]json.RawMessage{}
	trimmed := bytes.TrimSpace(text)
	if !utf8.Valid(text) || len(trimmed) == 0 || trimmed[0] != '{' || json.Unmarshal(text, &o) != nil {
		return nil, false
	}
	return o, true
}

// value is a field as line.Value, found in the plainest way.
func value(o map[string]json.RawMessage, name string) line.Value {
	raw, there := o[name]
	switch {
	case !there:
		return line.Value{}
	case raw[0] == '"':
		var s string
		_ = json.Unmarshal(raw, &s) // it is valid
		return line.Value{Kind: line.String, Text: []byte(s)}
	case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
		return line.Value{Kind: line.Number, Text: raw}
	default:
		return line.Value{Kind: line.Other, Text: raw}
	}
}

// show is a row for comparing.
func show(values ...line.Value) string {
	var out []string
	for _, v := range values {
		out = append(out, fmt.Sprint(v.Kind, ":", string(v.Text)))
	}
	return strings.Join(out, " ")
}

// wanted is the result of a run as one table, which sees all lines, has it.
func (l *logs) wanted(spec Spec, wants func(map[string]json.RawMessage) bool) (rows []string, lines, bad, long int64) {
	table := aggregate.NewTable(spec.Group.Agg, 1<<30)
	l.each(func(text []byte, short bool) {
		lines++
		if !short {
			long++
			return
		}
		o, ok := object(text)
		if !ok {
			bad++
			return
		}
		if !wants(o) {
			return
		}
		var key []byte
		for _, name := range spec.Group.By {
			key = aggregate.AppendKey(key, value(o, name))
		}
		if err := table.Add(key, value(o, spec.Group.Of)); err != nil {
			panic(err)
		}
	})
	for _, row := range table.Rows(spec.Top) {
		rows = append(rows, show(slices.Concat(row.Key, row.Values)...))
	}
	return rows, lines, bad, long
}

// rows is the result that a run has.
func (b *bench) rows(s Status) []string {
	b.Helper()
	var rows []string
	if err := b.Rows(b.Context(), s, func(row aggregate.Row) error {
		rows = append(rows, show(slices.Concat(row.Key, row.Values)...))
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	return rows
}

// plainly computes count, sum, min and max by status with nothing of ours.
func (l *logs) plainly() []string {
	type group struct {
		count         int
		sum, min, max *big.Rat
	}
	groups := map[string]*group{}
	var order []string
	l.each(func(text []byte, short bool) {
		o, ok := object(text)
		if !ok || !short {
			return
		}
		key := "missing"
		if raw, there := o["status"]; there {
			key = string(raw)
		}
		g := groups[key]
		if g == nil {
			g = &group{}
			groups[key] = g
			order = append(order, key)
		}
		g.count++
		n, ok := new(big.Rat).SetString(strings.Trim(string(o["ms"]), `"`))
		if !ok {
			return
		}
		if g.sum == nil {
			g.sum = new(big.Rat)
		}
		g.sum.Add(g.sum, n)
		if g.min == nil || n.Cmp(g.min) < 0 {
			g.min = n
		}
		if g.max == nil || n.Cmp(g.max) > 0 {
			g.max = n
		}
	})
	slices.Sort(order)
	var rows []string
	for _, key := range order {
		g := groups[key]
		rows = append(rows, fmt.Sprintln(key, g.count, g.sum, g.min, g.max))
	}
	return rows
}

// compare reports the first difference.
func compare(t *testing.T, what string, got, want []string) {
	t.Helper()
	for n := range max(len(got), len(want)) {
		g, w := "nothing", "nothing"
		if n < len(got) {
			g = got[n]
		}
		if n < len(want) {
			w = want[n]
		}
		if g != w {
			t.Errorf("%s: row %d of %d is %.300q, want %.300q (of %d)", what, n+1, len(got), g, w, len(want))
			return
		}
	}
}
