package main

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
)

// enqueue enqueues one by one from several goroutines: asynq knows no other way.
func enqueue(ctx context.Context, o options) error {
	if (o.jobs > 0) == (o.seconds > 0) {
		return errors.New("--jobs or --seconds?")
	}
	c := asynq.NewClient(o.client())
	defer c.Close()
	task := asynq.NewTask("noop", payload(o.payload))
	failed := make([]error, o.concurrency)
	var begun, enqueued atomic.Int64
	began := time.Now()
	end := began.Add(time.Duration(o.seconds * float64(time.Second)))
	more := func() bool {
		if o.jobs > 0 {
			return begun.Add(1) <= o.jobs
		}
		return time.Now().Before(end)
	}
	var wg sync.WaitGroup
	for n := range o.concurrency {
		wg.Go(func() {
			for failed[n] == nil && more() {
				_, err := c.EnqueueContext(ctx, task, asynq.Queue(queue))
				// Its client repeats what was not answered in time: the job is there.
				if err == nil || errors.Is(err, asynq.ErrTaskIDConflict) {
					enqueued.Add(1)
				} else {
					failed[n] = err
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	if err := errors.Join(failed...); err != nil {
		return err
	}
	return printJSON(map[string]any{"jobs": enqueued.Load(), "seconds": took.Seconds()})
}

// payload is JSON of that many bytes: {} and spaces.
func payload(size int) []byte {
	return append(bytes.Repeat([]byte(" "), size-2), "{}"...)
}
