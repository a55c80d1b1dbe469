package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report is everything of a run, as --json writes it.
type report struct {
	Benchmark string            `json:"benchmark"`
	Started   time.Time         `json:"started"`
	Took      float64           `json:"took_seconds"`
	Kernel    string            `json:"kernel"`
	Processor string            `json:"processor"`
	Cores     map[string]string `json:"cores"`
	Versions  map[string]string `json:"versions"`
	Rounds    int               `json:"rounds"`
	Seconds   int               `json:"seconds"`
	Cases     []*caseReport     `json:"cases"`

	about time.Duration
}

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
	Peer      string            `json:"peer"`
	Instances int               `json:"instances"`
	Against   string            `json:"against,omitempty"`
	Median    sample            `json:"median"`
	Ratio     map[string]spread `json:"ratio,omitempty"` // paired, round by round
	Rounds    []sample          `json:"rounds"`
	label     string
}

// goal is what is wanted of ours.
type goal struct {
	Of      string  `json:"of"`
	AtMost  float64 `json:"at_most"`
	Is      float64 `json:"is"`
	Reached bool    `json:"reached"`
}

// spread is a median with what the middle half lies between.
type spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"quartile_1"`
	High   float64 `json:"quartile_3"`
}

func newReport(b *bench, oursIs string) *report {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	r := &report{
		Benchmark: "proxy", Started: time.Now().UTC().Truncate(time.Second),
		Kernel: strings.TrimSpace(string(kernel)), Processor: processor(),
		Cores:    map[string]string{"proxy": b.cores.proxy, "others": b.cores.others},
		Versions: map[string]string{"wrk": versionOf("wrk")},
		Rounds:   b.rounds, Seconds: b.seconds,
		about: b.duration(),
	}
	for _, peer := range b.peers {
		if name := peers[peer].name; name == ours {
			r.Versions[name] = oursIs
		} else {
			r.Versions[name] = versionOf(name)
		}
	}
	return r
}

func processor() string {
	data, _ := os.ReadFile("/proc/cpuinfo")
	_, after, _ := strings.Cut(string(data), "model name")
	name, _, _ := strings.Cut(after, "\n")
	return strings.TrimLeft(name, "\t: ")
}

// heading says what is to come, and for how long.
func (r *report) heading() []string {
	return []string{fmt.Sprintf("about %s: %d rounds of %d s", max(r.about, 5*time.Second).Round(10*time.Second), r.Rounds, r.Seconds)}
}

func (r *report) writeMachine(w io.Writer) {
	fmt.Fprintf(w, "%s, Linux %s; proxies on core %s, all else on %s\n", r.Processor, r.Kernel, r.Cores["proxy"], r.Cores["others"])
	for _, p := range peers {
		if is := r.Versions[p.name]; is != "" {
			fmt.Fprintf(w, "%s: %s\n", p.name, is)
		}
	}
	fmt.Fprintf(w, "Medians of %d rounds of %d s. Ratios are medians of the rounds' own, with their quartiles.\n", r.Rounds, r.Seconds)
}

// columns of a sample have medians and, but for the unnamed, ratios.
var columns = []struct {
	name string
	of   func(*sample) *float64
}{
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

// add works out a case's figures.
func (r *report) add(k *benchCase, contenders []*contender, notes []string) *caseReport {
	result := &caseReport{Name: k.name, About: k.about, Connections: k.conns, AccessLog: k.log, Notes: notes, idle: k.idle}
	r.Cases = append(r.Cases, result)
	r.Took = time.Since(r.Started).Seconds()
	for _, c := range contenders {
		l := &line{Peer: peers[c.peer].name, Instances: c.instances, Rounds: c.samples, label: c.label()}
		if c.against != nil {
			l.Against, l.Ratio = c.against.label(), make(map[string]spread)
		}
		for _, column := range columns {
			own := values(c.samples, column.of)
			*column.of(&l.Median) = quantile(own, 0.5)
			if c.against != nil && column.name != "" {
				if ratios := pairs(own, values(c.against.samples, column.of)); ratios != nil {
					l.Ratio[column.name] = spread{quantile(ratios, 0.5), quantile(ratios, 0.25), quantile(ratios, 0.75)}
				}
			}
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
	g.Reached = g.Is <= g.AtMost
	c.Goal = g
}

func values(samples []sample, of func(*sample) *float64) []float64 {
	var all []float64
	for i := range samples {
		all = append(all, *of(&samples[i]))
	}
	return all
}

// pairs are the ratios round by round; none if there is nothing to divide by.
func pairs(a, b []float64) []float64 {
	var ratios []float64
	for i := range a {
		if b[i] == 0 {
			return nil
		}
		ratios = append(ratios, a[i]/b[i])
	}
	return ratios
}

// quantile of some values, between two of them where it falls there.
func quantile(of []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	at := q * float64(len(sorted)-1)
	low, part := int(math.Floor(at)), at-math.Floor(at)
	if low+1 == len(sorted) {
		return sorted[low]
	}
	return sorted[low]*(1-part) + sorted[low+1]*part
}

func (r *report) writeJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// write prints a case's table.
func (c *caseReport) write(w io.Writer) {
	fmt.Fprintf(w, "\n%s: %s\n", c.Name, c.About)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	if c.idle {
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
	if g := c.Goal; g != nil {
		verdict := "missed"
		if g.Reached {
			verdict = "reached"
		}
		format := "%s: wanted %.2f at most, is %.2f: %s\n"
		if c.idle {
			format = "%s: wanted %.0f at most, is %.0f: %s\n"
		}
		fmt.Fprintf(w, "  "+format, g.Of, g.AtMost, g.Is, verdict)
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

// ratio is the table's text, with quartiles in a column of their own.
func (l *line) ratio(column string, quartiles bool) string {
	s, found := l.Ratio[column]
	switch {
	case !found && quartiles:
		return "\t"
	case !found:
		return ""
	case quartiles:
		return fmt.Sprintf("%.2f\t%.2f–%.2f", s.Median, s.Low, s.High)
	}
	return fmt.Sprintf("%.2f", s.Median)
}
