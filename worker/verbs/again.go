package verbs

import (
	"context"
	"errors"
	"fmt"

	"formation/worker/config"
	"formation/worker/queue"
)

// retry puts failed jobs back on their queue.
func (s session) retry(c config.Chosen) error {
	return s.chosen(c, "retried", func(q *queue.Queue, some []queue.Failed) (n int64, err error) {
		for _, job := range some {
			there := false
			err := s.ask(func(ctx context.Context) (err error) {
				there, err = q.RetryFailed(ctx, job)
				return err
			})
			switch {
			case errors.Is(err, queue.ErrKeyTaken):
				s.note("%s: %v", printable(job.ID), err)
			case err != nil:
				return n, err
			case there:
				n++
			}
		}
		return n, nil
	})
}

// discard deletes failed jobs.
func (s session) discard(c config.Chosen) error {
	return s.chosen(c, "discarded", func(q *queue.Queue, some []queue.Failed) (n int64, err error) {
		err = s.ask(func(ctx context.Context) (err error) {
			n, err = q.Discard(ctx, some...)
			return err
		})
		return n, err
	})
}

// chosen does something with the failed jobs that are chosen, and says with how many. It
// is an error if some are left out.
func (s session) chosen(c config.Chosen, did string, do func(*queue.Queue, []queue.Failed) (int64, error)) error {
	q, err := s.queue(c.Queue)
	if err != nil {
		return err
	}
	asked, done := int64(len(c.IDs)), int64(0)
	part := func(some []queue.Failed) error {
		n, err := do(q, some)
		done += n
		return err
	}
	if c.All {
		err = s.each(q, c.Filter, func(some []queue.Failed) error {
			asked += int64(len(some))
			return part(some)
		})
	} else {
		err = s.named(q, c.IDs, part)
	}
	if err != nil {
		return fmt.Errorf("%s %s, then: %w", jobs(done), did, err)
	}
	if _, err := fmt.Fprintf(s.Out, "%s %s\n", jobs(done), did); err != nil {
		return err
	}
	if done < asked {
		return fmt.Errorf("%s not %s", jobs(asked-done), did)
	}
	return nil
}

// named hands on the failed jobs of these IDs, one by one.
func (s session) named(q *queue.Queue, ids []string, do func([]queue.Failed) error) error {
	for _, id := range ids {
		job, err := s.find(q, id)
		var none noJob
		if errors.As(err, &none) {
			s.note("%v", err)
			continue
		}
		if err != nil {
			return err
		}
		if err := do([]queue.Failed{job}); err != nil {
			return err
		}
	}
	return nil
}
