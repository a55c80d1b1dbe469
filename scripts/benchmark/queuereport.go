package main

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
func queueResultOf(k *queueCase, contenders []*queueContender) *result[queueSample] {
	r := &result[queueSample]{Name: k.name, About: k.about, columns: queueColumns, shows: k.shows, wishes: k.goals}
	for _, c := range contenders {
		l := &resultLine[queueSample]{Peer: c.name, Waiting: &c.waiting, label: c.label()}
		if c.against != nil {
			r.add(l, c.samples, c.against.label(), c.against.samples)
		} else {
			r.add(l, c.samples, "", nil)
		}
	}
	return r
}
