package main

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// What is wanted is at least a ratio, or at most a figure.
func TestQueueReport(t *testing.T) {
	b := &queueBench{peers: []int{0, 1}}
	k := &queueCase{name: "both", shows: []string{"rate", "p50"}, goals: []wish{
		{column: "rate", ratio: true, atLeast: 5}, {column: "p50", atMost: 2},
	}}
	all := b.contenders(k)
	for n, c := range all {
		for _, rate := range [][]float64{{1000, 2000, 1000}, {6000, 12000, 4000}}[n] {
			c.samples = append(c.samples, queueSample{Rate: rate, P50: 3})
		}
	}
	got := queueResultOf(k, all)
	if l := got.Lines[0]; l.Peer != "asynq" || l.Ratio != nil || l.Median.Rate != 1000 {
		t.Errorf("%+v", l)
	}
	if l := got.Lines[1]; l.Peer != "ours" || l.Against != "asynq" || l.Ratio["rate"].Median != 6 || l.Ratio["p50"].High != 1 {
		t.Errorf("%+v", l)
	}
	if g := got.Goals[0]; !g.Reached || g.Is != 6 || g.AtLeast != 5 {
		t.Errorf("%+v", g)
	}
	if g := got.Goals[1]; g.Reached || g.Is != 3 || g.AtMost != 2 {
		t.Errorf("%+v", g)
	}
	var table strings.Builder
	got.write(&table)
	for _, want := range []string{"6.00  5.00–6.00", "wanted 5.00 at least, is 6.00: reached", "p50 ms: wanted 2.00 at most, is 3.00: missed"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("no %q in\n%s", want, &table)
		}
	}
	r := newReport("queue", options{})
	r.add(got)
	if r.writeJSON(io.Discard) != nil {
		t.Error("no JSON")
	}
	// Alone, ours is still held to figures, and to no ratio.
	all = (&queueBench{peers: []int{1}}).contenders(k)
	all[0].samples = []queueSample{{Rate: 6000, P50: 1}}
	if got := queueResultOf(k, all); len(got.Goals) != 1 || !got.Goals[0].Reached {
		t.Errorf("%+v", got.Goals)
	}
}

// How many wait is compared with the same peer's.
func TestQueueContenders(t *testing.T) {
	all := (&queueBench{peers: []int{0, 1}}).contenders(&queueCase{waiting: []int64{0, 1000}})
	var labels []string
	for _, c := range all {
		labels = append(labels, c.label())
	}
	if want := []string{"asynq 0", "asynq 1000", "ours 0", "ours 1000"}; !slices.Equal(labels, want) {
		t.Errorf("%q", labels)
	}
	if all[0].against != nil || all[1].against != all[0] || all[2].against != nil || all[3].against != all[2] {
		t.Errorf("%+v", all)
	}
}

func TestSampled(t *testing.T) {
	before := effort{program: time.Second, redis: time.Second, busy: 100, all: 1000}
	after := effort{program: 2 * time.Second, redis: 1500 * time.Millisecond, busy: 300, all: 1500}
	got := sampled(1000, 2*time.Second, before, after)
	if got.Rate != 500 || got.CPU != 1000 || got.RedisCPU != 500 || got.Disturb != 0.1 {
		t.Errorf("%+v", got)
	}
}

func TestNumber(t *testing.T) {
	const info = "# Memory\r\nused_memory:123\r\nused_memory_human:1\r\nmem_clients_normal:7\r\n"
	if n, err := number(info, "mem_clients_normal"); n != 7 || err != nil {
		t.Errorf("%v, %v", n, err)
	}
	if n, err := number(info, "used_memory"); n != 123 || err != nil {
		t.Errorf("%v, %v", n, err)
	}
	if _, err := number(info, "memory"); err == nil {
		t.Error("found what is not there")
	}
}

func TestJobsCommandLine(t *testing.T) {
	for _, args := range [][]string{nil, {"dance"}, {"enqueue", "--dance"}, {"enqueue"}, {"enqueue", "--jobs=1", "--seconds=1"}} {
		if err := ourJobs(context.Background(), args, io.Discard); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}
