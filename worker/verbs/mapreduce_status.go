package verbs

import (
	"bufio"
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"formation/worker/config"
	"formation/worker/mapreduce"
)

// aRun is a run as it is printed.
type aRun struct {
	Name      string          `json:"name"`
	State     mapreduce.State `json:"state"`
	Error     string          `json:"error"`
	Queue     string          `json:"queue"`
	Inputs    []string        `json:"inputs"`
	Created   time.Time       `json:"created"`
	Ended     *time.Time      `json:"ended"`
	StageName string          `json:"stage_name"`
	Stage     int             `json:"stage"` // from 1
	Stages    int             `json:"stages"`
	Shards    int             `json:"shards"`   // of the stage
	Recorded  int             `json:"recorded"` // of these
	Files     int64           `json:"files"`
	Bytes     int64           `json:"bytes"`
	Read      int64           `json:"read"`
	Lines     int64           `json:"lines"`
	Chosen    int64           `json:"chosen"`
	Bad       int64           `json:"bad"`
	Long      int64           `json:"long"`
	NoNumber  int64           `json:"no_number"`
	Problems  int64           `json:"problems"`
	Retries   int64           `json:"retries"`
	Stored    int64           `json:"stored"`
	Samples   []string        `json:"samples"`
}

func viewRun(s mapreduce.Status) aRun {
	r := aRun{
		Name: s.Name, State: s.State, Error: s.Error, Queue: s.Queue, Inputs: s.Spec.Inputs, Created: s.Created.UTC(),
		StageName: s.StageName, Stage: s.Stage + 1, Stages: s.Stages, Shards: s.Shards, Recorded: s.Recorded,
		Files: s.Files, Bytes: s.Bytes, Read: s.Read, Lines: s.Lines, Chosen: s.Chosen, Bad: s.Bad, Long: s.Long,
		NoNumber: s.NoNumber, Problems: s.Problems, Retries: s.Retries, Stored: s.Stored,
		Samples: append([]string{}, s.Samples...), // [] rather than null
	}
	if !s.Ended.IsZero() {
		at := s.Ended.UTC()
		r.Ended = &at
	}
	return r
}

// showRuns prints how far a run is, or all.
func (s session) showRuns(c config.ShowRuns) error {
	runs := s.runs()
	if c.Run != "" {
		r := run{session: s, runs: runs, name: c.Run}
		now, err := r.look()
		if err == nil && now.State == mapreduce.Running { // nobody else may be looking after it
			if err = r.ask(func(ctx context.Context) error { return runs.Nudge(ctx, now) }); err == nil {
				now, err = r.look()
			}
		}
		if err != nil {
			return err
		}
		return s.showRun(now, c.JSON)
	}
	var all []mapreduce.Status
	if err := s.ask(func(ctx context.Context) (err error) {
		all, err = runs.List(ctx)
		return err
	}); err != nil {
		return err
	}
	return s.listRuns(all, c.JSON)
}

// listRuns prints all runs.
func (s session) listRuns(all []mapreduce.Status, json bool) error {
	out := bufio.NewWriter(s.Out)
	if json {
		list := array{to: out}
		for _, one := range all {
			list.add(viewRun(one))
		}
		list.end()
		return out.Flush()
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RUN\tSTATE\tSTAGE\tPROGRESS\tLINES\tSTARTED\tINPUTS")
	for _, one := range all {
		progress := "-" // what was recorded is deleted when it has failed or is cancelled
		if one.State == mapreduce.Running || one.State == mapreduce.Done {
			progress = fmt.Sprintf("%.0f%%", 100*portion(one))
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", printable(one.Name), one.State, one.StageName, progress, one.Lines,
			one.Created.UTC().Format(time.RFC3339), cut(printable(strings.Join(one.Spec.Inputs, " "))))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return out.Flush()
}

// showRun prints one run.
func (s session) showRun(of mapreduce.Status, json bool) error {
	r := viewRun(of)
	if json {
		_, err := fmt.Fprintf(s.Out, "%s\n", object(r))
		return err
	}
	out := bufio.NewWriter(s.Out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name string, value any) { fmt.Fprintf(table, "%s\t%s\n", name, printable(fmt.Sprint(value))) }
	line("name", r.Name)
	line("state", r.State)
	if r.Error != "" {
		line("error", r.Error)
	}
	line("queue", r.Queue)
	line("inputs", strings.Join(r.Inputs, " "))
	line("created", r.Created.Format(time.RFC3339Nano))
	if r.Ended != nil {
		line("ended", r.Ended.Format(time.RFC3339Nano))
	}
	line("stage", fmt.Sprintf("%d of %d, %s", r.Stage, r.Stages, r.StageName))
	line("shards", fmt.Sprintf("%d of %d recorded", r.Recorded, r.Shards))
	line("files", r.Files)
	line("bytes", fmt.Sprintf("%d of %d read", r.Read, r.Bytes))
	line("lines", r.Lines)
	line("chosen", r.Chosen)
	line("bad", r.Bad)
	line("long", r.Long)
	line("no number", r.NoNumber)
	line("problems", r.Problems)
	line("retries", r.Retries)
	line("stored", r.Stored)
	for _, sample := range r.Samples {
		line("sample", sample)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return out.Flush()
}
