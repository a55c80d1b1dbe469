package main

import (
	"fmt"
	"io"
)

type queueResult struct {
	Name  string       `json:"name"`
	About string       `json:"about"`
	Lines []*queueLine `json:"lines"`
	Goals []*goal      `json:"goals,omitempty"`
	shows []string
}

type queueLine struct {
	Peer    string `json:"peer"`
	Waiting int64  `json:"waiting"`
	figures[queueSample]
	label string
}

var queueColumns = []shown[queueSample]{
	{column[queueSample]{"rate", func(s *queueSample) *float64 { return &s.Rate }}, "jobs/s", "%.0f"},
	{column[queueSample]{"cpu", func(s *queueSample) *float64 { return &s.CPU }}, "CPU µs", "%.1f"},
	{column[queueSample]{"redis_cpu", func(s *queueSample) *float64 { return &s.RedisCPU }}, "Redis's CPU µs", "%.1f"},
	{column[queueSample]{"p50", func(s *queueSample) *float64 { return &s.P50 }}, "p50 ms", "%.2f"},
	{column[queueSample]{"p99", func(s *queueSample) *float64 { return &s.P99 }}, "p99 ms", "%.2f"},
	{column[queueSample]{"memory", func(s *queueSample) *float64 { return &s.Memory }}, "bytes a job", "%.0f"},
	{column[queueSample]{"", func(s *queueSample) *float64 { return &s.Seconds }}, "", ""},
	{column[queueSample]{"", func(s *queueSample) *float64 { return &s.Disturb }}, "", ""},
}

func queueReport(b *queueBench) *report {
	r := newReport("queue", b.options)
	r.Cores["redis"], r.Cores["others"] = b.cores.one, b.cores.others
	r.Versions["redis"] = version([]string{b.redis, "--version"})
	for _, peer := range b.peers {
		if name := queuePeers[peer].name; name == ours {
			r.Versions[name] = b.oursIs
		} else {
			r.Versions[name] = version([]string{b.asynq, "version"})
		}
	}
	return r
}

// queueResultOf works out a case's figures.
func queueResultOf(k *queueCase, contenders []*queueContender) *queueResult {
	result := &queueResult{Name: k.name, About: k.about, shows: k.shows}
	for _, c := range contenders {
		l := &queueLine{Peer: c.name, Waiting: c.waiting, label: c.label()}
		if c.against != nil {
			l.figures = compareShown(queueColumns, c.samples, c.against.label(), c.against.samples)
		} else {
			l.figures = compareShown(queueColumns, c.samples, "", nil)
		}
		result.Lines = append(result.Lines, l)
		if l.Peer == ours {
			result.Goals = append(result.Goals, judge(queueColumns, k.goals, &l.figures)...)
		}
	}
	return result
}

// write prints a case's table.
func (r *queueResult) write(w io.Writer) {
	fmt.Fprintf(w, "\n%s: %s\n", r.Name, r.About)
	var lines []tableLine[queueSample]
	for _, l := range r.Lines {
		lines = append(lines, tableLine[queueSample]{l.label, &l.figures})
	}
	writeTable(w, queueColumns, r.shows, lines)
	for _, g := range r.Goals {
		g.write(w, 2)
	}
	for _, l := range r.Lines {
		writeDisturbed(w, l.label, l.Median.Disturb)
	}
}
