//go:build servers

package background

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"formation/worker/queue"
	"formation/worker/redisclient/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a Redis with a queue in it, and workers that begin and end.
type bench struct {
	*testing.T
	server *redistest.Server
	redis  *redis.Client
	*queue.Queue
	names int
}

func newBench(t *testing.T) *bench {
	t.Helper()
	server := redistest.New(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr, MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	q, err := queue.Open(client, "jobs")
	if err != nil {
		t.Fatal(err)
	}
	return &bench{T: t, server: server, redis: client, Queue: q}
}

// worker is one that runs.
type worker struct {
	end   context.CancelFunc // asks it to end
	hurry context.CancelFunc // at once
	ended chan error
}

// start starts a worker, which differs from the usual one by change. It ends with the
// test.
func (b *bench) start(change func(*Worker), handlers ...queue.Handler) *worker {
	b.Helper()
	b.names++
	w := usual(b.Queue, fmt.Sprintf("%s-%d", b.Name(), b.names))
	w.Handlers = append(Trial(func() { panic("it cannot exit here") }), handlers...)
	if change != nil {
		change(&w)
	}
	ctx, end := context.WithCancel(context.Background())
	hurried, hurry := context.WithCancel(context.Background())
	r := &worker{end, hurry, make(chan error, 1)}
	go func() { r.ended <- w.Run(ctx, hurried) }()
	b.Cleanup(func() {
		end()
		hurry()
		if err := <-r.ended; err != nil {
			b.Errorf("a worker ended with: %v", err)
		}
		close(r.ended)
	})
	return r
}

// usual is a worker as most tests have it.
func usual(q *queue.Queue, id string) Worker {
	return Worker{
		Queue:         q,
		ID:            id,
		Concurrency:   4,
		Lease:         time.Second,
		MaxDeliveries: 5,
		Backoff:       time.Millisecond,
		MaxBackoff:    time.Second,
		DrainTimeout:  time.Minute,
		Log:           slog.New(slog.DiscardHandler),
	}
}

// stop asks a worker to end and waits until it has.
func (w *worker) stop() error {
	w.end()
	err := <-w.ended
	w.ended <- nil // for the test's end
	return err
}

// enqueue enqueues jobs.
func (b *bench) enqueue(jobs ...queue.New) {
	b.Helper()
	if _, err := b.Queue.Enqueue(b.Context(), jobs...); err != nil {
		b.Fatal(err)
	}
}

// until waits until the queue is as wanted.
func (b *bench) until(what string, is func(queue.Stats) bool) queue.Stats {
	b.Helper()
	for {
		s, err := b.Queue.Stats(b.Context())
		if err == nil && is(s) {
			return s
		}
		if b.Context().Err() != nil {
			b.Fatalf("%s: it is %+v, %v", what, s, err)
		}
		runtime.Gosched()
	}
}

// settled is whether nothing is left to do.
func settled(s queue.Stats) bool { return s.Waiting+s.Running+s.Delayed == 0 }

// failure waits for a job in the failed queue.
func (b *bench) failure(id string) queue.Failed {
	b.Helper()
	for {
		f, ok, err := b.Queue.FindFailed(b.Context(), id)
		switch {
		case err != nil:
			b.Fatal(err)
		case ok:
			return f
		}
		runtime.Gosched()
	}
}

// raw is a handler's job as it came.
type raw = queue.Job[json.RawMessage]
