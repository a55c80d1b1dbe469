package verbs

import (
	"bufio"
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"formation/worker/config"
	"formation/worker/queue"
)

// pageSize is how many failed jobs are asked for at a time. With the largest payloads
// they are 50 MiB.
const pageSize = 50

// each hands on the failed jobs that a filter chooses, page by page, oldest first. Those
// that fail only meanwhile, because they were retried, are not among them.
func (s session) each(q *queue.Queue, f config.Filter, do func([]queue.Failed) error) error {
	var now queue.Stats
	if err := s.ask(func(ctx context.Context) (err error) {
		now, err = q.Stats(ctx)
		return err
	}); err != nil {
		return err
	}
	after, chosen := "", 0
	for left := int(now.Failed); left > 0; {
		var page []queue.Failed
		if err := s.ask(func(ctx context.Context) (err error) {
			page, err = q.Failed(ctx, after, min(left, pageSize))
			return err
		}); err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		left -= len(page)
		after = page[len(page)-1].Cursor()
		var some []queue.Failed
		for _, job := range page {
			if matches(job, f) && (f.Limit == 0 || chosen < f.Limit) {
				some = append(some, job)
				chosen++
			}
		}
		if len(some) > 0 {
			if err := do(some); err != nil {
				return err
			}
		}
		if f.Limit > 0 && chosen == f.Limit {
			break
		}
	}
	return nil
}

func matches(job queue.Failed, f config.Filter) bool {
	return (f.Handler == "" || job.Handler == f.Handler) &&
		strings.Contains(job.Error, f.Error) &&
		(f.Since == 0 || time.Since(job.FailedAt) <= f.Since)
}

// find asks for one failed job, and it is an error if there is none.
func (s session) find(q *queue.Queue, id string) (job queue.Failed, err error) {
	there := false
	err = s.ask(func(ctx context.Context) (err error) {
		job, there, err = q.FindFailed(ctx, id)
		return err
	})
	if err == nil && !there {
		err = noJob{id, q.Name()}
	}
	return job, err
}

// noJob is find's error when there is none.
type noJob struct{ id, queue string }

func (n noJob) Error() string {
	return fmt.Sprintf("no job with the ID %q has failed in queue %s", n.id, n.queue)
}

// listFailed prints failed jobs while they come.
func (s session) listFailed(c config.ListFailed) error {
	q, err := s.queue(c.Queue)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(s.Out)
	if c.JSON {
		all := array{to: out}
		err := s.each(q, c.Filter, func(some []queue.Failed) error {
			for _, job := range some {
				all.add(view(job))
			}
			return out.Flush()
		})
		all.end()
		if err != nil {
			_ = out.Flush() // whatever it is, the first error is the one
			return err
		}
		return out.Flush()
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tHANDLER\tATTEMPTS\tFAILED\tERROR")
	if err := s.each(q, c.Filter, func(some []queue.Failed) error {
		for _, job := range some {
			fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\n", printable(job.ID), printable(job.Handler), job.Attempts,
				job.FailedAt.UTC().Format(time.RFC3339), cut(printable(job.Error)))
		}
		return nil
	}); err != nil {
		return err
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return out.Flush()
}

// maxErrorShown is how many characters of an error a table has room for.
const maxErrorShown = 100

func cut(s string) string {
	if r := []rune(s); len(r) > maxErrorShown {
		return string(r[:maxErrorShown]) + "…"
	}
	return s
}
