package main

import (
	"fmt"
	"io"
)

type mapreduceResult struct {
	Name  string           `json:"name"`
	About string           `json:"about"`
	Lines []*mapreduceLine `json:"lines"`
	Goals []*goal          `json:"goals,omitempty"`
	Notes []string         `json:"notes,omitempty"`
	shows []string
}

type mapreduceLine struct {
	Peer    string `json:"peer"`
	Workers int    `json:"workers,omitempty"`
	figures[mapreduceSample]
	label string
}

var mapreduceColumns = []shown[mapreduceSample]{
	{column[mapreduceSample]{"seconds", func(s *mapreduceSample) *float64 { return &s.Seconds }}, "seconds", "%.2f"},
	{column[mapreduceSample]{"rate", func(s *mapreduceSample) *float64 { return &s.Rate }}, "MiB/s", "%.0f"},
	{column[mapreduceSample]{"cpu", func(s *mapreduceSample) *float64 { return &s.CPU }}, "CPU seconds", "%.2f"},
	{column[mapreduceSample]{"aside", func(s *mapreduceSample) *float64 { return &s.Aside }}, "Redis's and client's", "%.2f"},
	{column[mapreduceSample]{"memory", func(s *mapreduceSample) *float64 { return &s.Memory }}, "peak MiB", "%.1f"},
	{column[mapreduceSample]{"", func(s *mapreduceSample) *float64 { return &s.Disturb }}, "", ""},
}

func mapreduceReport(b *mapreduceBench) *report {
	r := newReport("mapreduce", b.options)
	r.Cores["measured"], r.Cores["others"] = b.cores.one, b.cores.others
	r.Input = fmt.Sprintf("an access log of %d MiB, %d lines", b.log.bytes/mib, b.log.lines)
	for _, n := range b.peers {
		switch mapreducePeers[n] {
		case ours:
			r.Versions[ours] = b.oursIs
			r.Versions["redis"] = version([]string{b.redis, "--version"})
		case awk:
			r.Versions[awk] = version([]string{"awk", "-W", "version"}) // as mawk and gawk have it
		case jq:
			r.Versions[jq] = version([]string{"jq", "--version"})
		}
	}
	return r
}

// mapreduceResultOf works out a case's figures.
func mapreduceResultOf(k *mapreduceCase, contenders []*mapreduceContender) *mapreduceResult {
	result := &mapreduceResult{Name: k.name, About: k.about, shows: k.shows}
	for _, c := range contenders {
		l := &mapreduceLine{Peer: c.name, Workers: c.workers, label: c.label()}
		if c.against != nil {
			l.figures = compareShown(mapreduceColumns, c.samples, c.against.label(), c.against.samples)
		} else {
			l.figures = compareShown(mapreduceColumns, c.samples, "", nil)
		}
		result.Lines = append(result.Lines, l)
		switch l.Peer {
		case ours:
			result.Goals = append(result.Goals, judge(mapreduceColumns, k.goals, &l.figures)...)
		case jq:
			result.Notes = append(result.Notes, fmt.Sprintf("jq read the first part of the log, 1 of %d: its times are multiplied", jqPart))
		}
	}
	return result
}

// write prints a case's table.
func (r *mapreduceResult) write(w io.Writer) {
	fmt.Fprintf(w, "\n%s: %s\n", r.Name, r.About)
	var lines []tableLine[mapreduceSample]
	for _, l := range r.Lines {
		lines = append(lines, tableLine[mapreduceSample]{l.label, &l.figures})
	}
	writeTable(w, mapreduceColumns, r.shows, lines)
	for _, g := range r.Goals {
		g.write(w, 2)
	}
	for _, l := range r.Lines {
		writeDisturbed(w, l.label, l.Median.Disturb)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(w, "  %s\n", note)
	}
}
