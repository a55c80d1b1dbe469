package verbs

import (
	"bufio"
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"formation/worker/queue"
)

// state is a queue as it is printed.
type state struct {
	Queue      string  `json:"queue"`
	Waiting    int64   `json:"waiting"`
	Running    int64   `json:"running"`
	Delayed    int64   `json:"delayed"`
	Failed     int64   `json:"failed"`
	Oldest     int64   `json:"oldest_ms"` // how long the first that waits has
	Rate       float64 `json:"rate"`      // jobs done a second, over the last minute
	Workers    int64   `json:"workers"`
	Paused     bool    `json:"paused"`
	Enqueued   int64   `json:"enqueued"`
	Done       int64   `json:"done"`
	Retried    int64   `json:"retried"`
	Failures   int64   `json:"failures"`
	HandedBack int64   `json:"handed_back"`
}

// listQueues prints all queues.
func (s session) listQueues(json bool) error {
	states, err := s.states()
	if err != nil {
		return err
	}
	out := bufio.NewWriter(s.Out)
	if json {
		all := array{to: out}
		for _, q := range states {
			all.add(q)
		}
		all.end()
		return out.Flush()
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "QUEUE\tWAITING\tRUNNING\tDELAYED\tFAILED\tOLDEST\tRATE/S\tWORKERS\tSTATE")
	for _, q := range states {
		is := "active"
		if q.Paused {
			is = "paused"
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%v\t%.1f\t%d\t%s\n", q.Queue, q.Waiting, q.Running, q.Delayed, q.Failed,
			short(time.Duration(q.Oldest)*time.Millisecond), q.Rate, q.Workers, is)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return out.Flush()
}

// short leaves out what nobody reads.
func short(d time.Duration) time.Duration {
	if d >= time.Minute {
		return d.Round(time.Second)
	}
	return d.Round(time.Millisecond)
}

// states looks at all queues.
func (s session) states() ([]state, error) {
	var names []string
	if err := s.ask(func(ctx context.Context) (err error) {
		names, err = queue.Names(ctx, s.redis)
		return err
	}); err != nil {
		return nil, err
	}
	var all []state
	for _, name := range names {
		q, err := s.queue(name)
		if err != nil { // the list was written to by hand
			s.note("%v", err)
			continue
		}
		if err := s.ask(func(ctx context.Context) error {
			n, err := q.Stats(ctx)
			all = append(all, state{
				Queue: name, Waiting: n.Waiting, Running: n.Running, Delayed: n.Delayed, Failed: n.Failed,
				Oldest: n.Oldest.Milliseconds(), Rate: n.Rate, Workers: n.Workers, Paused: n.Paused,
				Enqueued: n.Enqueued, Done: n.Done, Retried: n.Retried, Failures: n.Failures, HandedBack: n.HandedBack,
			})
			return err
		}); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// pause pauses queues, also those that are not there yet.
func (s session) pause(names []string) error {
	return s.switched(names, (*queue.Queue).Pause, "paused")
}

// resume ends that.
func (s session) resume(names []string) error {
	return s.switched(names, (*queue.Queue).Resume, "active")
}

func (s session) switched(names []string, to func(*queue.Queue, context.Context) error, is string) error {
	for _, name := range names {
		q, err := s.queue(name)
		if err != nil {
			return err
		}
		if err := s.ask(q.Announce); err != nil {
			return err
		}
		if err := s.ask(func(ctx context.Context) error { return to(q, ctx) }); err != nil {
			return err
		}
		fmt.Fprintf(s.Out, "%s is %s\n", name, is)
	}
	return nil
}
