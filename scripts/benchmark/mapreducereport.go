package main

import "fmt"

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
func mapreduceResultOf(k *mapreduceCase, contenders []*mapreduceContender) *result[mapreduceSample] {
	r := &result[mapreduceSample]{Name: k.name, About: k.about, columns: mapreduceColumns, shows: k.shows, wishes: k.goals}
	for _, c := range contenders {
		l := &resultLine[mapreduceSample]{Peer: c.name, Workers: c.workers, label: c.label()}
		if c.against != nil {
			r.add(l, c.samples, c.against.label(), c.against.samples)
		} else {
			r.add(l, c.samples, "", nil)
		}
		if c.name == jq {
			r.Notes = append(r.Notes, fmt.Sprintf("jq read the first part of the log, 1 of %d: its times are multiplied", jqPart))
		}
	}
	return r
}
