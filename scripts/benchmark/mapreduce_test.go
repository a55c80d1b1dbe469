package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	truth := groups{"200": 1000, "404": 10}
	for _, test := range []struct {
		got  groups
		off  float64
		want string // in the error
	}{
		{groups{"200": 1000, "404": 10}, 0, ""},
		{groups{"200": 1001, "404": 10}, 0, "of 200 it is 1001, not 1000"},
		{groups{"200": 1000}, 0, "404 is missing"},
		{groups{"200": 1000, "404": 10, "-": 1}, 0, "there is no -"},
		{groups{"200": 1010, "404": 9.9}, 0.0101, ""},
		{groups{"200": 1000, "404": 9.8}, 0.0101, "of 404 it is 9.8, not 10"},
	} {
		err := test.got.check(truth, test.off)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v", test.got, err)
		}
	}
}

func TestParseLines(t *testing.T) {
	got, err := parseLines([]byte("/a?b=c 1.5\n/ 20\n"))
	if err != nil || got.check(groups{"/a?b=c": 1.5, "/": 20}, 0) != nil {
		t.Errorf("%v, %v", got, err)
	}
	for _, out := range []string{"/a\n", "/a b\n", "\n", "/a 1\n/a 1\n"} {
		if got, err := parseLines([]byte(out)); err == nil {
			t.Errorf("%q: %v", out, got)
		}
	}
}

func TestParseRows(t *testing.T) {
	got, err := parseRows([]byte(`[{"status":200,"count":15},{"status":"-","count":2}]`), "status", "count")
	if err != nil || got.check(groups{"200": 15, "-": 2}, 0) != nil {
		t.Errorf("%v, %v", got, err)
	}
	for _, out := range []string{
		``, `{}`, `[{"status":200}]`, `[{"status":200,"p99":1}]`, `[{"status":200,"count":"1"}]`,
		`[{"status":200,"count":1,"more":1}]`, `[{"status":200,"count":1},{"status":200,"count":1}]`,
	} {
		if got, err := parseRows([]byte(out), "status", "count"); err == nil {
			t.Errorf("%s: %v", out, got)
		}
	}
}

// A p99 is the one at 99 % of the way, rounded down.
func TestSlowest(t *testing.T) {
	all := make([][]uint32, 3)
	for n := range uint32(101) {
		all[0] = append(all[0], 1000*(100-n))
	}
	all[2] = []uint32{7, 5}
	got := slowest(all, func(n int) string { return []string{"many", "none", "two"}[n] })
	if err := got.check(groups{"many": 99, "two": 0.005}, 0); err != nil {
		t.Errorf("%v: %v", got, err)
	}
}

func TestMapreduceContenders(t *testing.T) {
	b := &mapreduceBench{peers: []int{0, 1, 2}}
	for name, want := range map[string][]string{
		"status": {"awk", "jq to awk", "ours to awk"}, "two-p99": {"ours 1", "ours 2 to ours 1"}, "clients": {"ours"},
	} {
		k, err := chooseCases(name, mapreduceCases)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range b.contenders(k[0]) {
			label := c.label()
			if c.against != nil {
				label += " to " + c.against.label()
			}
			got = append(got, label)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	// Without awk there is nothing to compare with, and what only ours does the others do not.
	b.peers = []int{1, 2}
	if all := b.contenders(mapreduceCases[0]); len(all) != 2 || all[1].against != nil {
		t.Errorf("%+v", all)
	}
	b.peers = []int{0}
	if all := b.contenders(mapreduceCases[4]); all != nil {
		t.Errorf("%+v", all)
	}
}

// A time to awk's is wanted to be 1 at most, a rate to one worker's 1.7 at least.
func TestMapreduceReport(t *testing.T) {
	b := &mapreduceBench{peers: []int{0, 1, 2}}
	resultAndText := func(k *mapreduceCase, seconds ...float64) (*result[mapreduceSample], string) {
		all := b.contenders(k)
		for n, c := range all {
			for round := range 3 {
				s := mapreduceSample{Seconds: float64(1+round) * seconds[n], Rate: 100 / seconds[n]}
				if c.name == ours {
					s.Memory = 200
				}
				c.samples = append(c.samples, s)
			}
		}
		r := mapreduceResultOf(k, all)
		var text strings.Builder
		r.write(&text)
		return r, text.String()
	}
	status, text := resultAndText(mapreduceCases[0], 2, 30, 1)
	if l := status.Lines[2]; l.Peer != ours || l.Workers != 1 || l.Against != awk || l.Median.Seconds != 2 || l.Ratio["seconds"].Median != 0.5 {
		t.Errorf("%+v", l)
	}
	for _, want := range []string{
		"seconds to those of awk: wanted 1.00 at most, is 0.50: reached", "0.50    0.50–0.50",
		"peak MiB: wanted 128.00 at most, is 200.00: missed", "1 of 16",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	two, text := resultAndText(mapreduceCases[2], 2, 1)
	if len(two.Goals) != 3 || !two.Goals[1].Reached || !strings.Contains(text, "MiB/s to those of ours 1: wanted 1.70 at least, is 2.00: reached") {
		t.Errorf("%+v\n%s", two.Goals, text)
	}
	r := newReport("mapreduce", options{rounds: 3})
	r.add(status)
	if r.writeJSON(io.Discard) != nil || r.rounds() != "3 rounds" {
		t.Errorf("%+v", r)
	}
}

func TestMapreduceCommandLine(t *testing.T) {
	for _, args := range []string{"--size=0", "--seconds=2", "--rounds=0", "--case=dance", "--peer=perl", "--peer=awk --case=clients", "more"} {
		if err := benchMapreduce(t.Context(), strings.Fields(args+" --check")); !errors.Is(err, errUsage) {
			t.Errorf("%s: %v", args, err)
		}
	}
	if err := benchMapreduce(t.Context(), []string{"--size=100000000", "--dir", t.TempDir()}); err == nil || !strings.Contains(err.Error(), "a smaller one") {
		t.Errorf("a log larger than memory: %v", err)
	}
}

// A worker that ends ends the measurement.
func TestWorkerThatEnds(t *testing.T) {
	b := &mapreduceBench{options: options{dir: t.TempDir(), ours: "false"}}
	var err error
	if b.cores, err = divide(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.startWorker(context.Background(), 1, &redisServer{}); err == nil || !strings.Contains(err.Error(), "worker-2 has ended") {
		t.Error(err)
	}
}
