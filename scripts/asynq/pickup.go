package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/hibiken/asynq"
)

// pickup enqueues one job at a time, at random moments, and sees how long each takes to
// begin: from just before it is enqueued to its handler.
func pickup(ctx context.Context, o options) error {
	began := make(chan time.Time, 1)
	s := o.server()
	err := s.Start(asynq.HandlerFunc(func(_ context.Context, task *asynq.Task) error {
		if task.Type() == "probe" {
			began <- time.Now()
		}
		return nil
	}))
	if err != nil {
		return err
	}
	defer s.Shutdown()
	c := asynq.NewClient(o.client())
	defer c.Close()
	into := queue
	if o.behind {
		into = high
	}
	const warmUp = 10 // connections, scripts
	var took []float64
	var end time.Time
	for n := 0; n <= warmUp || time.Now().Before(end); n++ {
		if n == warmUp {
			end = time.Now().Add(time.Duration(o.seconds * float64(time.Second)))
		}
		select {
		case <-time.After(rand.N(20 * time.Millisecond)):
		case <-ctx.Done():
			return ctx.Err()
		}
		before := time.Now()
		if _, err := c.EnqueueContext(ctx, asynq.NewTask("probe", payload(o.payload)), asynq.Queue(into)); err != nil {
			return err
		}
		select {
		case at := <-began:
			if n >= warmUp {
				took = append(took, float64(at.Sub(before).Microseconds()))
			}
		case <-time.After(10 * time.Second):
			return errors.New("a job was not begun within 10 s")
		}
	}
	return printJSON(map[string]any{"microseconds": took})
}
