//go:build servers

package mapreduce

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"formation/worker/mapreduce/aggregate"
	"formation/worker/mapreduce/line"
)

// all are all functions.
var all = []aggregate.Func{aggregate.Count, aggregate.Sum, aggregate.Min, aggregate.Max, aggregate.Mean,
	aggregate.P50, aggregate.P90, aggregate.P99, aggregate.Distinct}

// byStatus computes all by status.
func byStatus() Spec {
	return Spec{Inputs: []string{"*"}, Format: line.Format{Kind: line.JSON}, ShardSize: 64 << 10,
		Group: Grouping{By: []string{"status"}, Of: "ms", Agg: slices.Clone(all)}}
}

func any1(map[string]json.RawMessage) bool { return true }

// check compares a run's result and counts with what one process finds.
func (b *bench) check(l *logs, s Status, wants func(map[string]json.RawMessage) bool) {
	b.Helper()
	if s.State != Done {
		b.Fatalf("the run is %s: %s", s.State, s.Error)
	}
	want, lines, bad, long := l.wanted(s.Spec, wants)
	compare(b.T, "result", b.rows(s), want)
	if s.Lines != lines || s.Bad != bad || s.Long != long || s.Read != s.Bytes {
		b.Errorf("%d lines, %d bad, %d long, read %d of %d; want %d, %d, %d and all", s.Lines, s.Bad, s.Long, s.Read, s.Bytes, lines, bad, long)
	}
}

func TestTheResultIsThatOfOneProcess(t *testing.T) {
	b := newBench(t)
	b.work()
	l := newLogs(b, 3000)
	t.Run("plainly", func(t *testing.T) {
		spec := byStatus()
		spec.Group.Agg = []aggregate.Func{aggregate.Count, aggregate.Sum, aggregate.Min, aggregate.Max}
		s := b.ended(b.start(spec))
		var got []string
		if err := b.Rows(t.Context(), s, func(row aggregate.Row) error {
			key := "missing"
			switch v := row.Key[0]; v.Kind {
			case line.String:
				key = `"` + string(v.Text) + `"`
			case line.Number, line.Other:
				key = string(v.Text)
			}
			fields := []any{key, string(row.Values[0].Text)}
			for _, v := range row.Values[1:] {
				n, ok := new(big.Rat).SetString(string(v.Text))
				if !ok {
					n = nil
				}
				fields = append(fields, n)
			}
			got = append(got, fmt.Sprintln(fields...))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		want := l.plainly()
		slices.Sort(want)
		compare(t, "result", got, want)
	})
	for name, change := range map[string]func(*Spec) func(map[string]json.RawMessage) bool{
		"all by status": func(*Spec) func(map[string]json.RawMessage) bool { return any1 },
		"by two fields": func(s *Spec) func(map[string]json.RawMessage) bool {
			s.Group.By = []string{"path", "client"}
			return any1
		},
		"in one group": func(s *Spec) func(map[string]json.RawMessage) bool {
			s.Group.By = nil
			return any1
		},
		"top": func(s *Spec) func(map[string]json.RawMessage) bool {
			s.Group.By, s.Top = []string{"client"}, 7
			return any1
		},
		"where": func(s *Spec) func(map[string]json.RawMessage) bool {
			s.Group.By = []string{"client"}
			c, err := line.ParseCondition("status>=500")
			if err != nil {
				t.Fatal(err)
			}
			s.Where = []line.Condition{c}
			return func(o map[string]json.RawMessage) bool {
				n, ok := new(big.Rat).SetString(strings.Trim(string(o["status"]), `"`))
				return ok && n.Cmp(big.NewRat(500, 1)) >= 0
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := *b
			b.T = t
			spec := byStatus()
			wants := change(&spec)
			b.check(l, b.ended(b.start(spec)), wants)
		})
	}
}

// A group of groups: how many clients each path has, and how many requests of the busiest.
func TestGroupsAreGroupedAgain(t *testing.T) {
	b := newBench(t)
	b.work()
	l := newLogs(b, 2000)
	spec := byStatus()
	spec.Group = Grouping{By: []string{"path", "client"}, Agg: []aggregate.Func{aggregate.Count}}
	spec.Then = &Grouping{By: []string{"path"}, Of: "count", Agg: []aggregate.Func{aggregate.Count, aggregate.Max, aggregate.Sum}}
	clients := map[string]map[string]int{}
	l.each(func(text []byte, short bool) {
		if o, ok := object(text); ok && short {
			path, client := show(value(o, "path")), show(value(o, "client"))
			if clients[path] == nil {
				clients[path] = map[string]int{}
			}
			clients[path][client]++
		}
	})
	var want []string
	for path, of := range clients {
		most, sum := 0, 0
		for _, n := range of {
			most, sum = max(most, n), sum+n
		}
		want = append(want, fmt.Sprintf("%s %d:%d %d:%d %d:%d", path, line.Number, len(of), line.Number, most, line.Number, sum))
	}
	got := b.rows(b.ended(b.start(spec)))
	slices.Sort(want)
	slices.Sort(got)
	compare(t, "result", got, want)
}

func TestFilesThatAreNotThere(t *testing.T) {
	b := newBench(t)
	b.work()
	for _, inputs := range [][]string{{"nothing"}, {"*"}} {
		spec := byStatus()
		spec.Inputs = inputs
		if s := b.ended(b.start(spec)); s.State != Failed || !strings.HasPrefix(s.Error, inputs[0]+": no file") {
			t.Errorf("%q alone: %+v", inputs, s)
		}
	}
	b.file("empty", nil)
	spec := byStatus()
	spec.Inputs = []string{"nothing", "empty"}
	s := b.ended(b.start(spec))
	if s.State != Done || s.Problems != 1 || len(s.Samples) != 1 || !strings.HasPrefix(s.Samples[0], "nothing: no file") {
		t.Errorf("beside another: %+v", s)
	}
	compare(t, "result", b.rows(s), nil)
	spec.Strict = true
	if s := b.ended(b.start(spec)); s.State != Failed || !strings.HasPrefix(s.Error, "nothing: no file") {
		t.Errorf("strict: %+v", s)
	}
}

func TestStrictRunsFail(t *testing.T) {
	b := newBench(t)
	b.work()
	for text, why := range map[string]string{
		"{}\nnone\n": "a.log, byte 3: ",
		"{}\n{\"a\":\"" + strings.Repeat("x", 2<<20) + "\"}\n": "a.log, byte 3: a line of more than 1 MiB",
	} {
		b.file("a.log", []byte(text))
		spec := byStatus()
		if s := b.ended(b.start(spec)); s.State != Done || s.Bad+s.Long != 1 || len(s.Samples) != 1 || !strings.HasPrefix(s.Samples[0], why) {
			t.Errorf("not strict: %+v", s)
		}
		spec.Strict = true
		s := b.ended(b.start(spec))
		if s.State != Failed || !strings.HasPrefix(s.Error, why) {
			t.Errorf("strict: %s %q", s.State, s.Error)
		}
		compare(t, "what is left", b.keys(s.Name), []string{keysOf(s.Name).run})
	}
}
