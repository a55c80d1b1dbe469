package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

type caseReport struct {
	Name        string   `json:"name"`
	About       string   `json:"about"`
	Connections int      `json:"connections"`
	AccessLog   bool     `json:"access_log"`
	Lines       []*line  `json:"lines"`
	Goal        *goal    `json:"goal,omitempty"`
	Notes       []string `json:"notes,omitempty"`
	idle        bool     // other columns
}

type line struct {
	Peer      string `json:"peer"`
	Instances int    `json:"instances"`
	figures[sample]
	label string
}

func proxyReport(b *bench) *report {
	r := newReport("proxy", b.options)
	r.Cores["proxy"], r.Cores["others"] = b.cores.one, b.cores.others
	r.Versions["wrk"] = versionOf("wrk")
	for _, peer := range b.peers {
		if name := peers[peer].name; name == ours {
			r.Versions[name] = b.oursIs
		} else {
			r.Versions[name] = versionOf(name)
		}
	}
	return r
}

// columns of a sample have medians and, but for the unnamed, ratios.
var columns = []column[sample]{
	{"cpu", func(s *sample) *float64 { return &s.CPU }},
	{"rate", func(s *sample) *float64 { return &s.Rate }},
	{"p50", func(s *sample) *float64 { return &s.P50 }},
	{"p99", func(s *sample) *float64 { return &s.P99 }},
	{"memory", func(s *sample) *float64 { return &s.Memory }},
	{"unused", func(s *sample) *float64 { return &s.Unused }},
	{"after_use", func(s *sample) *float64 { return &s.AfterUse }},
	{"", func(s *sample) *float64 { return &s.Busy }},
	{"", func(s *sample) *float64 { return &s.Disturb }},
	{"", func(s *sample) *float64 { return &s.Seconds }},
}

// resultOf works out a case's figures.
func resultOf(k *benchCase, contenders []*contender, notes []string) *caseReport {
	result := &caseReport{Name: k.name, About: k.about, Connections: k.conns, AccessLog: k.log, Notes: notes, idle: k.idle}
	for _, c := range contenders {
		l := &line{Peer: peers[c.peer].name, Instances: c.instances, label: c.label()}
		if c.against != nil {
			l.figures = compare(columns, c.samples, c.against.label(), c.against.samples)
		} else {
			l.figures = compare(columns, c.samples, "", nil)
		}
		result.Lines = append(result.Lines, l)
		if l.Peer == ours && k.atMost > 0 {
			result.judge(k, l)
		}
	}
	return result
}

// judge compares with what is wanted: the last line of ours counts.
func (c *caseReport) judge(k *benchCase, l *line) {
	g := &goal{Of: "bytes a connection after use", AtMost: k.atMost, Is: l.Median.AfterUse}
	if !k.idle {
		ratio, found := l.Ratio["cpu"]
		if !found {
			return
		}
		g.Of, g.Is = fmt.Sprintf("CPU a request to that of %s", l.Against), ratio.Median
	}
	c.Goal = g.judge()
}

// write prints a case's table.
func (c *caseReport) write(w io.Writer) {
	fmt.Fprintf(w, "\n%s: %s\n", c.Name, c.About)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	decimals := 2
	if c.idle {
		decimals = 0
		fmt.Fprintln(t, "\tunused, bytes\tafter use, bytes\tratio\tquartiles\tmemory MiB\t")
	} else {
		fmt.Fprintln(t, "\tCPU µs\tratio\tquartiles\trequests/s\tratio\tp50 ms\tp99 ms\tmemory MiB\tcore\t")
	}
	for _, l := range c.Lines {
		m := l.Median
		if c.idle {
			fmt.Fprintf(t, "%s\t%.0f\t%.0f\t%s\t%.1f\t\n", l.label, m.Unused, m.AfterUse, l.ratio("after_use", true), m.Memory/mib)
			continue
		}
		fmt.Fprintf(t, "%s\t%.2f\t%s\t%.0f\t%s\t%.2f\t%.2f\t%.1f\t%.0f%%\t\n",
			l.label, m.CPU, l.ratio("cpu", true), m.Rate, l.ratio("rate", false), m.P50, m.P99, m.Memory/mib, 100*m.Busy)
	}
	t.Flush()
	if c.Goal != nil {
		c.Goal.write(w, decimals)
	}
	for _, l := range c.Lines {
		if l.Median.Disturb > 0.05 {
			fmt.Fprintf(w, "  others took %.0f%% of the core of %s: better when nothing else runs\n", 100*l.Median.Disturb, l.label)
		}
	}
	for _, note := range c.Notes {
		fmt.Fprintf(w, "  %s\n", note)
	}
}
