package mapreduce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"formation/worker/mapreduce/input"
	"formation/worker/queue"
)

// Worker does the shards of runs. It is safe for use by many goroutines.
type Worker struct {
	redis redis.UniversalClient
	queue *queue.Queue
	root  *input.Root
	slots chan struct{} // an item for each shard that is being done
}

// maxSlots is how many shards a worker does at a time: no more than it has processors, and
// few enough for its memory. What else it has in hand waits.
const maxSlots = 4

// NewWorker returns a worker that reads files below root; nil: none, and runs that come to
// it fail. Its queue is where the runs' jobs are.
func NewWorker(client redis.UniversalClient, q *queue.Queue, root *input.Root) *Worker {
	return &Worker{client, q, root, make(chan struct{}, min(runtime.GOMAXPROCS(0), maxSlots))}
}

// memory is how much a worker's groups may take, all together, in bytes, about.
const memory = 32 << 20

func (w *Worker) limit() int { return memory / cap(w.slots) }

// Handler is what does a run's jobs.
func (w *Worker) Handler() queue.Handler {
	return queue.Handle(HandlerName, func(ctx context.Context, j queue.Job[json.RawMessage]) error {
		var t task
		if err := unmarshal(j.Payload, &t); err != nil {
			return queue.Permanent(fmt.Errorf("payload: %w", err))
		}
		if err := t.check(); err != nil {
			return queue.Permanent(fmt.Errorf("payload: %w", err))
		}
		t.attempt = j.Attempt
		err := w.do(ctx, t)
		if err != nil && ctx.Err() == nil && (queue.IsPermanent(err) || j.Attempt >= j.Attempts) {
			_ = w.patiently(ctx, func() error { return fail(ctx, w.redis, t.Run, t.Epoch, err.Error()) })
		}
		return err
	})
}

// do does a shard, unless it is done or its run is over. Once all shards of a stage are
// recorded it sees to it that those of the next are enqueued: whoever records the last, or
// comes after somebody who did and died.
func (w *Worker) do(ctx context.Context, t task) error {
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	var b begun
	err := w.patiently(ctx, func() (err error) {
		b, err = w.begin(ctx, t)
		return err
	})
	switch {
	case err != nil:
		return err
	case b.over:
		return nil
	case b.recorded:
		return w.next(ctx, t, b.spec, b.complete)
	}
	made, err := w.make(ctx, t, b.spec)
	if err != nil {
		return err
	}
	complete := false
	if err := w.patiently(ctx, func() (err error) {
		complete, err = w.record(ctx, t, b.spec, made)
		return err
	}); err != nil {
		return err
	}
	return w.next(ctx, t, b.spec, complete)
}

// make does a shard's work.
func (w *Worker) make(ctx context.Context, t task, spec *Spec) (*made, error) {
	switch {
	case t.Stage == plan:
		return w.plan(spec)
	case t.Stage == split && spec.Ordered:
		return w.choose(ctx, t, spec)
	case t.Stage == split:
		return w.group(ctx, t, spec)
	default:
		return w.merge(ctx, t, spec)
	}
}

// next enqueues the shards of the next stage once all of this one are recorded. Those of
// ordered runs are enqueued by who puts out their lines, a few at a time.
func (w *Worker) next(ctx context.Context, t task, spec *Spec, complete bool) error {
	if !complete || t.Stage == spec.last() || t.Stage == plan && spec.Ordered {
		return nil
	}
	return w.patiently(ctx, func() error {
		err := enqueueStage(ctx, w.redis, w.queue, t.Run, t.Epoch, t.Stage+1)
		if errors.Is(err, errOver) {
			return nil
		}
		return err
	})
}

// patience is how long a worker waits for Redis with a shard that is done, before the
// queue tries it again.
const patience = 30 * time.Second

// patiently repeats what Redis did not do.
func (w *Worker) patiently(ctx context.Context, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := do()
		switch {
		case err == nil, errors.Is(err, queue.ErrFull), queue.IsPermanent(err), ctx.Err() != nil:
			return err
		case queue.Refused(err), strings.HasPrefix(err.Error(), "OOM"):
			return queue.Permanent(err)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}
