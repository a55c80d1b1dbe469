package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
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

// shown is a column as a table has it.
type shown struct {
	column[queueSample]
	unit, format string
}

var queueColumns = []shown{
	{column[queueSample]{"rate", func(s *queueSample) *float64 { return &s.Rate }}, "jobs/s", "%.0f"},
	{column[queueSample]{"cpu", func(s *queueSample) *float64 { return &s.CPU }}, "CPU µs", "%.1f"},
	{column[queueSample]{"redis_cpu", func(s *queueSample) *float64 { return &s.RedisCPU }}, "Redis's CPU µs", "%.1f"},
	{column[queueSample]{"p50", func(s *queueSample) *float64 { return &s.P50 }}, "p50 ms", "%.2f"},
	{column[queueSample]{"p99", func(s *queueSample) *float64 { return &s.P99 }}, "p99 ms", "%.2f"},
	{column[queueSample]{"memory", func(s *queueSample) *float64 { return &s.Memory }}, "bytes a job", "%.0f"},
	{column[queueSample]{"", func(s *queueSample) *float64 { return &s.Seconds }}, "", ""},
	{column[queueSample]{"", func(s *queueSample) *float64 { return &s.Disturb }}, "", ""},
}

func queueColumn(name string) shown {
	for _, c := range queueColumns {
		if c.name == name {
			return c
		}
	}
	panic("no column " + name)
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
	var columns []column[queueSample]
	for _, c := range queueColumns {
		columns = append(columns, c.column)
	}
	result := &queueResult{Name: k.name, About: k.about, shows: k.shows}
	for _, c := range contenders {
		l := &queueLine{Peer: c.name, Waiting: c.waiting, label: c.label()}
		if c.against != nil {
			l.figures = compare(columns, c.samples, c.against.label(), c.against.samples)
		} else {
			l.figures = compare(columns, c.samples, "", nil)
		}
		result.Lines = append(result.Lines, l)
		if l.Peer == ours {
			result.judge(k, l)
		}
	}
	return result
}

// judge compares ours with what is wanted, where there is something to compare with.
func (r *queueResult) judge(k *queueCase, l *queueLine) {
	for _, w := range k.goals {
		column := queueColumn(w.column)
		g := &goal{Of: column.unit, AtLeast: w.atLeast, AtMost: w.atMost, Is: *column.of(&l.Median)}
		if w.ratio {
			ratio, found := l.Ratio[w.column]
			if !found {
				continue
			}
			g.Of, g.Is = fmt.Sprintf("%s to those of %s", column.unit, l.Against), ratio.Median
		}
		r.Goals = append(r.Goals, g.judge())
	}
}

// write prints a case's table. What it is about has a ratio, with quartiles; so have
// other columns, without.
func (r *queueResult) write(w io.Writer) {
	fmt.Fprintf(w, "\n%s: %s\n", r.Name, r.About)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for n, name := range r.shows {
		fmt.Fprintf(t, "\t%s\tratio", queueColumn(name).unit)
		if n == 0 {
			fmt.Fprint(t, "\tquartiles")
		}
	}
	fmt.Fprintln(t, "\t")
	for _, l := range r.Lines {
		var cells strings.Builder
		for n, name := range r.shows {
			c := queueColumn(name)
			fmt.Fprintf(&cells, "\t"+c.format+"\t%s", *c.of(&l.Median), l.ratio(name, n == 0))
		}
		fmt.Fprintf(t, "%s%s\t\n", l.label, &cells)
	}
	t.Flush()
	for _, g := range r.Goals {
		g.write(w, 2)
	}
	for _, l := range r.Lines {
		if l.Median.Disturb > 0.05 {
			fmt.Fprintf(w, "  others took %.0f%% of the processors from %s: better when nothing else runs\n", 100*l.Median.Disturb, l.label)
		}
	}
}
