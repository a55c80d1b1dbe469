package verbs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"formation/worker/config"
	"formation/worker/mapreduce"
	"formation/worker/mapreduce/aggregate"
	"formation/worker/mapreduce/line"
)

func text(s string) line.Value   { return line.Value{Kind: line.String, Text: []byte(s)} }
func number(s string) line.Value { return line.Value{Kind: line.Number, Text: []byte(s)} }
func other(s string) line.Value  { return line.Value{Kind: line.Other, Text: []byte(s)} }

// pages are some rows of all kinds of values.
var (
	byPage = &mapreduce.Grouping{By: []string{"page", `a"b`}, Of: "ms", Agg: []aggregate.Func{"count", "p99"}}
	pages  = []aggregate.Row{
		{Key: []line.Value{{}, other("null")}, Values: []line.Value{number("7"), other("null")}},
		{Key: []line.Value{text("/"), other(`{"x": [true]}`)}, Values: []line.Value{number("12"), number("1.50e3")}},
		{Key: []line.Value{text(""), number("-0.10")}, Values: []line.Value{number("1"), number("0")}},
		{Key: []line.Value{text("ü,\"\x1b[2J"), text("\xff")}, Values: []line.Value{number("100000"), number("3")}},
	}
)

// printed is rows as they are printed.
func printed(form config.Printed, g *mapreduce.Grouping, all ...aggregate.Row) string {
	var out strings.Builder
	rows := run{Printed: form, session: session{Streams: Streams{Out: &out}}}.rows(&out, g)
	for _, row := range all {
		rows.add(row)
	}
	rows.end()
	return out.String()
}

func TestRowsArePrinted(t *testing.T) {
	total := &mapreduce.Grouping{Of: "ms", Agg: []aggregate.Func{"count", "sum", "distinct", "max"}}
	byKind := &mapreduce.Grouping{By: []string{"kind"}, Agg: []aggregate.Func{"count"}}
	cases := []struct {
		name             string
		of               *mapreduce.Grouping
		rows             []aggregate.Row
		table, json, csv string
	}{
		{
			name: "all kinds", of: byPage, rows: pages,
			table: `PAGE        A"B             COUNT  P99 (±1%)` + "\n" +
				`-           null                7          -` + "\n" +
				`/           {"x": [true]}      12     1.50e3` + "\n" +
				`""          -0.10               1          0` + "\n" +
				`ü,"\x1b[2J  \xff           100000          3` + "\n",
			json: `[{"page":null,"a\"b":null,"count":7,"p99":null},` + "\n" +
				`{"page":"/","a\"b":{"x":[true]},"count":12,"p99":1.50e3},` + "\n" +
				`{"page":"","a\"b":-0.10,"count":1,"p99":0},` + "\n" +
				`{"page":"ü,\"\u001b[2J","a\"b":"\ufffd","count":100000,"p99":3}]` + "\n",
			csv: `page,"a""b",count,p99 (±1%)` + "\n" +
				`,null,7,` + "\n" +
				`/,"{""x"": [true]}",12,1.50e3` + "\n" +
				`,-0.10,1,0` + "\n" +
				"\"ü,\"\"\x1b[2J\",\xff,100000,3\n",
		},
		{
			name: "no group", of: byKind,
			table: "KIND  COUNT\n",
			json:  "[]\n",
			csv:   "kind,count\n",
		},
		{
			name: "a total of nothing", of: total, rows: []aggregate.Row{ofNone(total)},
			table: "COUNT  SUM  DISTINCT (SE 0.81%)  MAX\n    0    -                    0    -\n",
			json:  `[{"count":0,"sum":null,"distinct":0,"max":null}]` + "\n",
			csv:   "count,sum,distinct (SE 0.81%),max\n0,,0,\n",
		},
		{
			name: "no JSON after all", of: byKind, rows: []aggregate.Row{{Key: []line.Value{other("{")}, Values: []line.Value{number("01")}}},
			table: "KIND  COUNT\n{        01\n",
			json:  `[{"kind":"{","count":"01"}]` + "\n",
			csv:   "kind,count\n{,01\n",
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for want, form := range map[string]config.Printed{c.table: {}, c.json: {JSON: true}, c.csv: {CSV: true}} {
				if got := printed(form, c.of, c.rows...); got != want {
					t.Errorf("%+v:\n%s\nwant\n%s", form, got, want)
				}
			}
		})
	}
}

func TestALongTableIsAsWideAsItsFirstRows(t *testing.T) {
	g := &mapreduce.Grouping{By: []string{"k"}, Agg: []aggregate.Func{"count"}}
	row := func(key string) aggregate.Row {
		return aggregate.Row{Key: []line.Value{text(key)}, Values: []line.Value{number("1")}}
	}
	var out strings.Builder
	rows := run{session: session{Streams: Streams{Out: &out}}}.rows(&out, g)
	for range measured - 1 {
		rows.add(row("abc"))
	}
	if out.Len() > 0 {
		t.Errorf("it has printed %.50q before it knows how wide columns are", &out)
	}
	rows.add(row(strings.Repeat("x", widest+1)))
	if out.Len() == 0 {
		t.Errorf("it has printed nothing after %d rows", measured)
	}
	rows.add(row("a"))
	rows.end()
	lines := strings.Split(out.String(), "\n")
	if want := "a" + strings.Repeat(" ", widest-1+2) + "    1"; len(lines) != measured+3 || lines[measured+1] != want {
		t.Errorf("there are %d lines, and the last is %q, want %q", len(lines), lines[measured+1], want)
	}
	if want := strings.Repeat("x", widest+1) + "      1"; lines[measured] != want {
		t.Errorf("the widest is %q, want %q", lines[measured], want)
	}
}

// away is Redis's error while it is not there.
var away = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}

func TestRedisIsWaitedFor(t *testing.T) {
	said := func(do func(s session)) string {
		var err bytes.Buffer
		do(session{Streams: Streams{Err: &err}, at: config.Connection{RedisTimeout: time.Second}})
		return err.String()
	}
	synctest.Test(t, func(t *testing.T) {
		began, tries := time.Now(), 0
		notes := said(func(s session) {
			if err := s.patiently(t.Context(), func() error {
				if tries++; time.Since(began) < patience-time.Minute {
					return fmt.Errorf("connect: %w", away)
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
		if strings.Count(notes, "\n") != 1 || !strings.Contains(notes, "connection refused; this waits for it") {
			t.Errorf("it says %q", notes)
		}
		if most := int(patience / mostTry); tries > most {
			t.Errorf("it has tried %d times, more than %d", tries, most)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		said(func(s session) {
			if err := s.patiently(t.Context(), func() error { return away }); !errors.Is(err, away) {
				t.Errorf("error is %v", err)
			}
		})
		if took := time.Since(began); took < patience || took > patience+mostTry {
			t.Errorf("it gives up after %v, want %v", took, patience)
		}
	})
	synctest.Test(t, func(t *testing.T) { // it answers between
		tries := 0
		said(func(s session) {
			if err := s.patiently(t.Context(), func() error {
				if tries++; tries == 10 {
					return nil
				}
				time.Sleep(patience / 2)
				return io.EOF
			}); err != nil {
				t.Error(err)
			}
		})
	})
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		said(func(s session) {
			if err := s.patiently(ctx, func() error { return away }); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
				t.Errorf("after %v the error is %v", time.Since(began), err)
			}
		})
	})
	for _, err := range []error{mapreduce.ErrNoRun, mapreduce.ErrTaken, &mapreduce.EndedError{}, reply("WRONGTYPE it is"), errOutput} {
		if notes := said(func(s session) {
			if got := s.patiently(t.Context(), func() error { return err }); got != err {
				t.Errorf("%v: %v", err, got)
			}
		}); notes != "" {
			t.Errorf("%v: it says %q", err, notes)
		}
	}
	if !passes(reply("LOADING the data")) {
		t.Error("LOADING does not pass")
	}
}

func TestHowARunIsLeft(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	at := config.Connection{RedisTimeout: time.Second}
	for _, c := range []struct {
		ctx  context.Context
		err  error
		more string
		want string
	}{
		{ended, away, "", "run r goes on: worker mapreduce attach r, or cancel r"},
		{ended, context.Canceled, " more", "run r goes on: worker mapreduce attach r more, or cancel r"},
		{t.Context(), away, "", "run r may go on, worker mapreduce attach r, or cancel r: --redis: redis:///0: dial tcp: connection refused"},
		{t.Context(), &mapreduce.EndedError{State: mapreduce.Failed, Why: "a\x1b: no"}, "", `run r failed: a\x1b: no`},
		{t.Context(), &mapreduce.EndedError{State: mapreduce.Cancelled, Why: "it was"}, "", "run r was cancelled"},
		{t.Context(), mapreduce.ErrNoRun, "", "run r: there is no such run"},
		{t.Context(), mapreduce.ErrTaken, "", "run r: somebody else puts out the lines of this run now"},
		{t.Context(), reply("NOPERM no"), "", "--redis: redis:///0: NOPERM no"},
	} {
		if got := (run{session: session{at: at}, name: "r"}).left(c.ctx, c.err, c.more).Error(); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}

// half is a run that has read half of its bytes.
var half = mapreduce.Status{Name: "r", Queue: "q", State: mapreduce.Running, Stage: 1, StageName: "map", Shards: 4, Recorded: 2,
	Bytes: 4_000_000_000, Read: 2_000_000_000, Lines: 12345, Retries: 1}

func TestProgressOfARunIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said strings.Builder
		says := func(want string) {
			t.Helper()
			if got := said.String(); got != want {
				t.Errorf("it says %q, want %q", got, want)
			}
			said.Reset()
		}
		g := newGoing(run{session: session{Streams: Streams{Err: &said}}, name: "r"})
		g.saw(mapreduce.Status{Name: "r", Queue: "q", StageName: "plan", Shards: 1})
		time.Sleep(progressEvery - 1)
		g.saw(mapreduce.Status{Name: "r", Queue: "q", StageName: "plan", Shards: 1})
		says("")
		time.Sleep(time.Nanosecond)
		g.saw(mapreduce.Status{Name: "r", Queue: "q", StageName: "plan", Shards: 1})
		says("worker: run r: plan: waiting for a worker of queue q to find the files\n")
		time.Sleep(progressEvery)
		g.saw(mapreduce.Status{Name: "r", Queue: "q", StageName: "plan", Shards: 1})
		says("") // that is nothing new
		time.Sleep(20 * time.Second)
		g.saw(half)
		says("worker: run r: map: 50%, 12345 lines, 100 MB/s, 20s left, 1 retry\n")
		g.saw(half)
		says("")
		all := half
		all.Read, all.Stage, all.StageName, all.Retries = all.Bytes, 2, "reduce", 2
		time.Sleep(progressEvery)
		g.saw(all)
		says("worker: run r: reduce: 50%, 12345 lines, 2 retries\n")
		all.Read, all.Stage, all.StageName, all.Lines, all.Retries = 0, 1, "map", 1, 0 // it was begun again
		time.Sleep(progressEvery)
		g.saw(all)
		says("worker: run r: map: 0%, 1 line\n")
	})
}

func TestProgressIsTheLastLineOfATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var screen strings.Builder
		last := &lastLine{to: &screen}
		g := newGoing(run{session: session{Streams: Streams{Err: last}}, line: last})
		g.saw(half)
		last.clear()
		if screen.Len() > 0 {
			t.Errorf("it shows %q at once", &screen)
		}
		time.Sleep(showAfter)
		g.saw(mapreduce.Status{StageName: "plan", Queue: "q"})
		g.saw(half)
		g.note("something else")
		g.note("and more")
		g.saw(half)
		last.clear()
		const plan = "\r\x1b[K\x1b[?7lplan: waiting for a worker of queue q to find the files\x1b[?7h"
		const shown = "\r\x1b[K\x1b[?7lmap          [############------------]  50%, 12345 lines, 1 retry\x1b[?7h"
		if want := plan + shown + "\r\x1b[Kworker: something else\nworker: and more\n" + shown + "\r\x1b[K"; screen.String() != want {
			t.Errorf("it shows\n%q, want\n%q", &screen, want)
		}
		if got := bar(0) + bar(1); got != strings.Repeat("-", 24)+strings.Repeat("#", 24) {
			t.Errorf("bars are %s", got)
		}
		(*lastLine)(nil).clear()
	})
}

func TestSizesArePrinted(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1: "1 byte", 999: "999 bytes", 1000: "1.0 kB", 9940: "9.9 kB", 85_200_000: "85 MB",
		2 << 30: "2.1 GB", 999e12: "999 TB", 5e15: "5000 TB"} {
		if got := size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

func TestSummary(t *testing.T) {
	at := time.Unix(1e9, 0)
	cases := []struct {
		name string
		of   mapreduce.Status
		want string
	}{
		{"nothing", mapreduce.Status{Created: at, Ended: at}, "worker: 0 lines of 0 files, 0 bytes\n"},
		{"all is well", mapreduce.Status{Created: at, Ended: at.Add(2 * time.Second), Lines: 1, Files: 1, Bytes: 5000, Read: 5000,
			Spec: mapreduce.Spec{Group: mapreduce.Grouping{Agg: []aggregate.Func{"count"}}}},
			"worker: 1 line of 1 file, 5.0 kB, in 2s: 2.5 kB/s\n"},
		{"little is", mapreduce.Status{Created: at, Ended: at.Add(90 * time.Second), Lines: 10, Chosen: 4, Files: 3, Bytes: 9e9, Read: 9e9,
			Bad: 1, Long: 2, Problems: 3, NoNumber: 4, Samples: []string{"a.log: is a directory", "b.log, byte 7: \x1b"},
			Spec: mapreduce.Spec{Where: []line.Condition{{}}, Group: mapreduce.Grouping{Of: "ms\x1b", Agg: []aggregate.Func{"count", "p99"}},
				Then: &mapreduce.Grouping{Agg: []aggregate.Func{"p99", "distinct"}}}},
			"worker: 10 lines, 4 chosen, of 3 files, 9.0 GB, in 1m30s: 100 MB/s\n" +
				"worker: 1 line is not of the format\n" +
				"worker: 2 lines were too long, and passed over\n" +
				"worker: 3 inputs could not be read\n" +
				`worker: 4 lines have no number in ms\x1b` + "\n" +
				"  a.log: is a directory\n" +
				`  b.log, byte 7: \x1b` + "\n" +
				"worker: estimated: p99 ±1%, distinct SE 0.81%\n"},
	}
	for _, c := range cases {
		var said strings.Builder
		session{Streams: Streams{Err: &said}}.summary(c.of)
		if said.String() != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, &said, c.want)
		}
	}
}

func TestARunIsShown(t *testing.T) {
	at := time.Date(2030, 1, 2, 4, 4, 5, 678e6, time.FixedZone("", 3600))
	s := half
	s.Created, s.Files, s.Chosen, s.Bad, s.Long, s.NoNumber, s.Problems, s.Stored = at, 3, 5, 6, 7, 8, 9, 10
	s.Stages, s.Spec.Inputs = 3, []string{"a/*.log", "b\x1b"}
	want := `{"name":"r","state":"running","error":"","queue":"q","inputs":["a/*.log","b\u001b"],"created":"2030-01-02T03:04:05.678Z",` +
		`"ended":null,"stage_name":"map","stage":2,"stages":3,"shards":4,"recorded":2,"files":3,"bytes":4000000000,"read":2000000000,` +
		`"lines":12345,"chosen":5,"bad":6,"long":7,"no_number":8,"problems":9,"retries":1,"stored":10,"samples":[]}`
	if got := string(object(viewRun(s))); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	s.State, s.Error, s.Ended, s.Samples = mapreduce.Failed, "in vain", at.Add(time.Second), []string{"a: b"}
	got := string(object(viewRun(s)))
	for _, want := range []string{`"state":"failed","error":"in vain"`, `"ended":"2030-01-02T03:04:06.678Z"`, `"samples":["a: b"]`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing in %s", want, got)
		}
	}
	var out strings.Builder
	if err := (session{Streams: Streams{Out: &out}}).showRun(s, false); err != nil {
		t.Error(err)
	}
	shown := strings.Join(strings.Fields(out.String()), " ")
	if want := `name r state failed error in vain queue q inputs a/*.log b\x1b created 2030-01-02T03:04:05.678Z ended 2030-01-02T03:04:06.678Z ` +
		`stage 2 of 3, map shards 2 of 4 recorded files 3 bytes 2000000000 of 4000000000 read lines 12345 chosen 5 bad 6 long 7 ` +
		`no number 8 problems 9 retries 1 stored 10 sample a: b`; shown != want {
		t.Errorf("%s\nwant\n%s", shown, want)
	}
}

func TestRunsAreListed(t *testing.T) {
	done := mapreduce.Status{Name: "d", State: mapreduce.Done, StageName: "reduce", Created: time.Unix(1e9, 0), Spec: mapreduce.Spec{Inputs: []string{"x", "y"}}}
	all := []mapreduce.Status{half, done, half}
	all[0].Created = done.Created
	all[2].Created, all[2].State, all[2].Name = done.Created, mapreduce.Failed, "f"
	for json, want := range map[bool]string{
		true: "[" + string(object(viewRun(all[0]))) + ",\n" + string(object(viewRun(done))) + ",\n" + string(object(viewRun(all[2]))) + "]\n",
		false: "RUN  STATE    STAGE   PROGRESS  LINES  STARTED               INPUTS\n" +
			"r    running  map     50%       12345  2001-09-09T01:46:40Z  \n" +
			"d    done     reduce  100%      0      2001-09-09T01:46:40Z  x y\n" +
			"f    failed   map     -         12345  2001-09-09T01:46:40Z  \n",
	} {
		var out strings.Builder
		if err := (session{Streams: Streams{Out: &out}}).listRuns(all, json); err != nil || out.String() != want {
			t.Errorf("%v, it prints\n%s\nwant\n%s", err, &out, want)
		}
	}
}
