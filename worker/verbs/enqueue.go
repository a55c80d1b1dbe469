package verbs

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"formation/worker/config"
	"formation/worker/queue"
)

// nothing is the payload where there is none.
const nothing = "{}"

// enqueue enqueues batch by batch, and says how far it came.
func (s session) enqueue(c config.Enqueue) error {
	to, err := s.queue(c.Queue)
	if err != nil {
		return err
	}
	to.Bound = c.MaxQueued
	announced := []*queue.Queue{to}
	if c.Then != "" {
		then, err := s.queue(c.Then)
		if err != nil {
			return err
		}
		announced = append(announced, then)
	}
	for _, q := range announced {
		if err := s.ask(q.Announce); err != nil {
			return fmt.Errorf("nothing was enqueued: %w", err)
		}
	}

	payloads, many := s.payloads(c)
	done, duplicates, going := int64(0), false, newProgress(s)
	defer going.stop()
	out := newReceipts(s.Out, c.JSON, c.IDs || !many)
	for batch, err := range payloads {
		var receipts []queue.Receipt
		if err == nil {
			err = s.ask(func(ctx context.Context) (err error) {
				receipts, err = to.Enqueue(ctx, news(c, batch)...)
				return err
			})
		}
		if err != nil {
			_ = out.end() // the first error is the one
			return howFar(done, len(batch), err)
		}
		for _, r := range receipts {
			if r.Duplicate {
				duplicates = true
			} else {
				done++
			}
		}
		going.set(done)
		if err := out.add(receipts); err != nil {
			return howFar(done, 0, err)
		}
	}
	going.stop()
	if duplicates {
		s.note("not enqueued: there is a job with this ID or key already, or its result")
	}
	if many {
		s.note("%s enqueued", jobs(done))
	}
	return out.end()
}

// payloads are the batches of what is to be enqueued. There may be many, unless there is
// one payload.
func (s session) payloads(c config.Enqueue) (batches iter.Seq2[[][]byte, error], many bool) {
	payload := []byte(nothing)
	if c.Payload != nil {
		payload = []byte(*c.Payload)
	}
	switch {
	case c.Count != nil:
		return repeat(payload, *c.Count), true
	case c.Payload == nil && piped(s.In):
		return lines(s.In, c.ID != "" || c.Key != ""), true
	}
	return repeat(payload, 1), false
}

// news are the jobs for a batch of payloads.
func news(c config.Enqueue, payloads [][]byte) []queue.New {
	priority, _ := queue.ParsePriority(c.Priority) // which kong has checked
	delay := c.Delay
	if !c.At.IsZero() {
		delay = max(time.Until(c.At), 0)
	}
	all := make([]queue.New, len(payloads))
	for n, payload := range payloads {
		all[n] = queue.New{
			ID: c.ID, Handler: c.Handler, Payload: payload, Priority: priority, Delay: delay,
			MaxAttempts: c.MaxAttempts, Timeout: c.Timeout, Deadline: c.Deadline,
			Key: c.Key, Keep: c.Keep, Then: c.Then, ThenHandler: c.ThenHandler,
		}
	}
	return all
}

// howFar says how many jobs were enqueued before an error. Of a batch that Redis got, and
// has not answered, nobody knows.
func howFar(done int64, batch int, err error) error {
	var dial *net.OpError
	var refused redis.Error
	switch {
	case errors.Is(err, queue.ErrFull):
		err = fmt.Errorf("%w, see --max-queued", err)
	case batch == 0, errors.As(err, &refused), errors.As(err, &dial) && dial.Op == "dial":
	default:
		return fmt.Errorf("%s enqueued, and perhaps %d more, then: %w", jobs(done), batch, err)
	}
	return fmt.Errorf("%s enqueued, then: %w", jobs(done), err)
}
