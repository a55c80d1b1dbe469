package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
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
	Input     string            `json:"input,omitempty"` // that all read
	Rounds    int               `json:"rounds"`
	Seconds   int               `json:"seconds,omitempty"`
	Cases     []any             `json:"cases"`
}

func newReport(benchmark string, o options) *report {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return &report{
		Benchmark: benchmark, Started: time.Now().UTC().Truncate(time.Second),
		Kernel: strings.TrimSpace(string(kernel)), Processor: processor(),
		Cores: make(map[string]string), Versions: make(map[string]string),
		Rounds: o.rounds, Seconds: o.seconds,
	}
}

func processor() string {
	data, _ := os.ReadFile("/proc/cpuinfo")
	_, after, _ := strings.Cut(string(data), "model name")
	name, _, _ := strings.Cut(after, "\n")
	return strings.TrimLeft(name, "\t: ")
}

// heading says what is to come, and for how long.
func (r *report) heading(about time.Duration) string {
	return fmt.Sprintf("about %s: %s", max(about, 5*time.Second).Round(10*time.Second), r.rounds())
}

// writeMachine prints what was measured, and where: the programs of these names, and
// where they run.
func (r *report) writeMachine(w io.Writer, names []string, where string) {
	fmt.Fprintf(w, "%s, Linux %s; %s\n", r.Processor, r.Kernel, where)
	for _, name := range names {
		if is := r.Versions[name]; is != "" {
			fmt.Fprintf(w, "%s: %s\n", name, is)
		}
	}
	fmt.Fprintf(w, "Medians of %s. Ratios are medians of the rounds' own, with their quartiles.\n", r.rounds())
}

func (r *report) rounds() string {
	if r.Seconds == 0 {
		return fmt.Sprintf("%d rounds", r.Rounds)
	}
	return fmt.Sprintf("%d rounds of %d s", r.Rounds, r.Seconds)
}

// add adds a case's result.
func (r *report) add(result any) {
	r.Cases = append(r.Cases, result)
	r.Took = time.Since(r.Started).Seconds()
}

// measure runs cases, one after the other, and prints their results: each as it comes or,
// as JSON, all of them at the end.
func measure[K interface{ title() string }, R interface{ write(io.Writer) }](r *report, asJSON bool, cases []K, run func(K) (R, error)) error {
	for _, k := range cases {
		result, err := run(k)
		if err != nil {
			return fmt.Errorf("%s: %w", k.title(), err)
		}
		r.add(result)
		if !asJSON {
			result.write(os.Stdout)
		}
	}
	if asJSON {
		return r.writeJSON(os.Stdout)
	}
	return nil
}

func (r *report) writeJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// goal is what is wanted of ours: one of at least and at most, which is not 0.
type goal struct {
	Of      string  `json:"of"`
	AtLeast float64 `json:"at_least,omitempty"`
	AtMost  float64 `json:"at_most,omitempty"`
	Is      float64 `json:"is"`
	Reached bool    `json:"reached"`
}

func (g *goal) judge() *goal {
	g.Reached = g.Is <= g.AtMost
	if g.AtLeast != 0 {
		g.Reached = g.Is >= g.AtLeast
	}
	return g
}

// write prints it with so many decimals.
func (g *goal) write(w io.Writer, decimals int) {
	wanted, most, verdict := g.AtMost, "at most", "missed"
	if g.AtLeast != 0 {
		wanted, most = g.AtLeast, "at least"
	}
	if g.Reached {
		verdict = "reached"
	}
	fmt.Fprintf(w, "  %s: wanted %.*f %s, is %.*f: %s\n", g.Of, decimals, wanted, most, decimals, g.Is, verdict)
}
