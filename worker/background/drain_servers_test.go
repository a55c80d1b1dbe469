//go:build servers

package background

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"formation/worker/queue"
)

func TestADrainFinishesWhatRunsAndHandsTheRestBack(t *testing.T) {
	b := newBench(t)
	begun, release := make(chan struct{}, 100), make(chan struct{})
	hold := queue.Handle("hold", func(ctx context.Context, _ raw) error {
		begun <- struct{}{}
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	w := b.start(func(w *Worker) { w.Concurrency = 2 }, hold)
	for n := range 10 {
		b.enqueue(queue.New{ID: fmt.Sprint(n), Handler: "hold"})
	}
	<-begun
	<-begun
	w.end()
	b.until("what is not begun is back", func(s queue.Stats) bool { return s.Running == 2 && s.Waiting == 8 })
	close(release)
	if err := w.stop(); err != nil {
		t.Error(err)
	}
	if s := b.until("over", func(s queue.Stats) bool { return s.Running == 0 }); s.Waiting != 8 || s.Done != 2 {
		t.Errorf("left are %+v", s)
	}
	b.start(nil, hold)
	if s := b.until("done", settled); s.Done != 10 || s.Retried != 0 || s.Failed != 0 {
		t.Errorf("in the end %+v", s)
	}
}

func TestWhatDoesNotEndInADrainGoesBackUnspent(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(*worker)
	}{
		{"its time is over", func(w *worker) { w.end() }},
		{"it is in a hurry", func(w *worker) { w.end(); w.hurry() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			begun := make(chan struct{}, 10)
			var cause atomic.Value
			attempts := make(chan int, 10)
			hold := queue.Handle("hold", func(ctx context.Context, j raw) error {
				begun <- struct{}{}
				<-ctx.Done()
				cause.Store(context.Cause(ctx))
				return ctx.Err()
			})
			w := b.start(func(w *Worker) {
				if c.name == "its time is over" {
					w.DrainTimeout = time.Millisecond
				}
			}, hold)
			b.enqueue(queue.New{ID: "a", Handler: "hold", MaxAttempts: 1})
			<-begun
			c.end(w)
			if err := w.stop(); err != nil {
				t.Error(err)
			}
			if err, _ := cause.Load().(error); !errors.Is(err, ErrEnding) {
				t.Errorf("it was cut off by %v", err)
			}
			b.start(nil, queue.Handle("hold", func(_ context.Context, j raw) error {
				attempts <- j.Attempt
				return nil
			}))
			if n := <-attempts; n != 1 {
				t.Errorf("then it is attempt %d", n)
			}
			if s := b.until("done", settled); s.Done != 1 || s.HandedBack != 1 {
				t.Errorf("in the end %+v", s)
			}
		})
	}
}

func TestAWorkerLeavesNothingInTheQueueOfItself(t *testing.T) {
	b := newBench(t)
	w := b.start(nil)
	b.enqueue(queue.New{Handler: "noop"})
	b.until("done", settled)
	if err := w.stop(); err != nil {
		t.Error(err)
	}
	for _, lane := range []string{"high", "normal", "low"} {
		all, err := b.redis.XInfoConsumers(t.Context(), "queue:{jobs}:"+lane, "workers").Result()
		if len(all) > 0 || err != nil {
			t.Errorf("lane %s has consumers %+v, %v", lane, all, err)
		}
	}
}

func TestAPausedQueueBeginsNothing(t *testing.T) {
	b := newBench(t)
	var begun atomic.Int64
	b.start(nil, queue.Handle("count", func(context.Context, raw) error { begun.Add(1); return nil }))
	b.enqueue(queue.New{Handler: "count"})
	b.until("done", settled) // and the worker waits
	if err := b.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := range 20 {
		b.enqueue(queue.New{Handler: "count", Priority: queue.Priority(n % 3)})
	}
	b.until("back with the queue", func(s queue.Stats) bool { return s.Waiting == 20 })
	if n := begun.Load(); n != 1 {
		t.Errorf("while it is paused %d were begun", n-1)
	}
	if err := b.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := b.until("done", settled); s.Done != 21 || begun.Load() != 21 {
		t.Errorf("in the end %+v, %d begun", s, begun.Load())
	}
}
