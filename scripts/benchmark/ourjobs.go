package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"formation/worker/background"
	"formation/worker/queue"
)

// What scripts/asynq does with asynq, this does with our queue, by the same options: to
// enqueue jobs, and to see how soon one begins. It is a process of its own, too, so that
// its CPU time is nobody else's.

// jobOptions are the options of both.
type jobOptions struct {
	redis       string
	concurrency int
	jobs        int64   // how many to enqueue; 0: for as long as seconds
	seconds     float64 // for how long to enqueue or to look
	payload     int     // bytes
	batch       int     // how many to enqueue at once
	behind      bool    // jobs wait that have no priority, and are done meanwhile
}

// ourJobs is `benchmark jobs enqueue` and `benchmark jobs pickup`. Each prints what it
// found as one line of JSON.
func ourJobs(ctx context.Context, args []string, out io.Writer) error {
	var o jobOptions
	flags := flag.NewFlagSet("jobs", flag.ContinueOnError)
	flags.StringVar(&o.redis, "redis", "", "host:port")
	flags.IntVar(&o.concurrency, "concurrency", 1, "jobs at a time")
	flags.Int64Var(&o.jobs, "jobs", 0, "how many to enqueue")
	flags.Float64Var(&o.seconds, "seconds", 0, "for how long")
	flags.IntVar(&o.payload, "payload", 2, "bytes")
	flags.IntVar(&o.batch, "batch", 1, "how many to enqueue at once")
	flags.BoolVar(&o.behind, "behind", false, "others wait")
	if len(args) == 0 {
		return errors.New("enqueue or pickup?")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	client := redis.NewClient(&redis.Options{
		Addr: o.redis, MaxRetries: -1,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	defer client.Close()
	q, err := queue.Open(client, queueName)
	if err != nil {
		return err
	}
	q.Bound = 10_000_000
	var found any
	switch args[0] {
	case "enqueue":
		found, err = o.enqueue(ctx, q)
	case "pickup":
		found, err = o.pickup(ctx, q)
	default:
		err = fmt.Errorf("%q is not enqueue or pickup", args[0])
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(found)
}

// enqueued is what enqueue finds.
type enqueued struct {
	Jobs    int64   `json:"jobs"`
	Seconds float64 `json:"seconds"`
}

// enqueue enqueues from several goroutines.
func (o jobOptions) enqueue(ctx context.Context, q *queue.Queue) (enqueued, error) {
	if (o.jobs > 0) == (o.seconds > 0) {
		return enqueued{}, errors.New("--jobs or --seconds?")
	}
	failed := make([]error, o.concurrency)
	var begun, done atomic.Int64
	began := time.Now()
	end := began.Add(time.Duration(o.seconds * float64(time.Second)))
	next := func() int { // how many
		if o.jobs > 0 {
			before := begun.Add(int64(o.batch)) - int64(o.batch)
			return int(min(int64(o.batch), o.jobs-before))
		}
		if time.Now().Before(end) {
			return o.batch
		}
		return 0
	}
	var wg sync.WaitGroup
	for n := range o.concurrency {
		wg.Go(func() {
			jobs := make([]queue.New, o.batch)
			for n := range jobs {
				jobs[n] = queue.New{Handler: "noop", Payload: payload(o.payload)}
			}
			for k := next(); failed[n] == nil && k > 0; k = next() {
				if _, failed[n] = q.Enqueue(ctx, jobs[:k]...); failed[n] == nil {
					done.Add(int64(k))
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	return enqueued{done.Load(), took.Seconds()}, errors.Join(failed...)
}

// payload is JSON of that many bytes: {} and spaces.
func payload(size int) []byte {
	return append(bytes.Repeat([]byte(" "), size-2), "{}"...)
}

// pickedUp is what pickup finds: how long each job took to begin.
type pickedUp struct {
	Microseconds []float64 `json:"microseconds"`
}

// pickup enqueues one job at a time, at random moments, and sees how long each takes to
// begin: from just before it is enqueued to its handler.
func (o jobOptions) pickup(ctx context.Context, q *queue.Queue) (pickedUp, error) {
	began := make(chan time.Time, 1)
	w := background.Worker{
		Queue: q, ID: "bench-" + rand.Text(),
		Handlers: []queue.Handler{
			queue.Handle("noop", func(context.Context, queue.Job[struct{}]) error { return nil }),
			queue.Handle("probe", func(context.Context, queue.Job[struct{}]) error {
				began <- time.Now()
				return nil
			}),
		},
		Concurrency: o.concurrency, Lease: 10 * time.Second, MaxDeliveries: 5,
		Backoff: time.Second, MaxBackoff: time.Minute, DrainTimeout: 5 * time.Second,
		Log: slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	running, end := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- w.Run(running, context.Background()) }()
	found, err := o.probe(ctx, q, began)
	end()
	return found, errors.Join(err, <-ended)
}

func (o jobOptions) probe(ctx context.Context, q *queue.Queue, began <-chan time.Time) (found pickedUp, err error) {
	job := queue.New{Handler: "probe", Payload: payload(o.payload)}
	if o.behind {
		job.Priority = queue.High
	}
	const warmUp = 10 // connections, scripts
	var end time.Time
	for n := 0; n <= warmUp || time.Now().Before(end); n++ {
		if n == warmUp {
			end = time.Now().Add(time.Duration(o.seconds * float64(time.Second)))
		}
		select {
		case <-time.After(mathrand.N(20 * time.Millisecond)):
		case <-ctx.Done():
			return found, ctx.Err()
		}
		before := time.Now()
		if _, err := q.Enqueue(ctx, job); err != nil {
			return found, err
		}
		select {
		case at := <-began:
			if n >= warmUp {
				found.Microseconds = append(found.Microseconds, float64(at.Sub(before).Microseconds()))
			}
		case <-time.After(10 * time.Second):
			return found, errors.New("a job was not begun within 10 s")
		}
	}
	return found, nil
}
