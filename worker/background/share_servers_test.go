//go:build servers

package background

import (
	"context"
	"strings"
	"testing"
	"time"

	"formation/worker/queue"
)

// holding is a handler whose jobs run until release is closed.
func holding() (hold queue.Handler, begun chan struct{}, release chan struct{}) {
	begun, release = make(chan struct{}, 1000), make(chan struct{})
	return queue.Handle("hold", func(ctx context.Context, _ raw) error {
		begun <- struct{}{}
		select {
		case <-release:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}), begun, release
}

// What a worker has claimed in advance, as jobs were short, goes to others when they are
// not any more.
func TestLongJobsAfterShortOnesAreShared(t *testing.T) {
	b := newBench(t)
	hold, begun, release := holding()
	b.start(nil, hold)
	for range 10 {
		b.enqueue(make1000("noop")...)
	}
	b.until("done", settled)
	b.enqueue(make1000("hold")[:30]...)
	for range 4 {
		<-begun
	}
	b.start(nil, hold)
	for range 4 { // which the second one does
		<-begun
	}
	close(release)
	if s := b.until("done", settled); s.Done != 10_030 || s.Failed+s.Retried != 0 {
		t.Errorf("in the end %+v", s)
	}
}

func make1000(handler string) []queue.New {
	jobs := make([]queue.New, 1000)
	for n := range jobs {
		jobs[n].Handler = handler
	}
	return jobs
}

// A job that comes to a worker that ends is another's at once.
func TestAJobThatComesAsADrainBeginsIsDoneByOthers(t *testing.T) {
	b := newBench(t)
	hold, begun, release := holding()
	long := func(w *Worker) { w.Lease, w.MaxDeliveries = time.Minute, 1 }
	w := b.start(long, hold)
	b.enqueue(queue.New{Handler: "hold"})
	<-begun
	b.start(long)
	b.enqueue(queue.New{Handler: "noop"})
	b.until("both wait", func(s queue.Stats) bool { return s.Done == 1 })
	w.end()
	for range 10 {
		b.enqueue(queue.New{Handler: "noop"})
	}
	b.until("what came meanwhile is done", func(s queue.Stats) bool { return s.Done == 11 })
	close(release)
	if s := b.until("done", settled); s.Failed != 0 {
		t.Errorf("in the end %+v", s)
	}
}

// An outcome that Redis refuses for good is its job's failure, and holds up no other.
func TestAnOutcomeThatRedisRefuses(t *testing.T) {
	b := newBench(t)
	if err := b.redis.Set(t.Context(), "queue:{other}:normal", "no stream", 0).Err(); err != nil {
		t.Fatal(err)
	}
	b.enqueue(queue.New{ID: "refused", Handler: "echo", Then: "other"})
	b.enqueue(make1000("noop")...)
	b.start(nil)
	if f := b.failure("refused"); !strings.Contains(f.Error, "WRONGTYPE") {
		t.Errorf("it failed with %q", f.Error)
	}
	if s := b.until("done", settled); s.Done != 1000 {
		t.Errorf("in the end %+v", s)
	}
}

// A lease is as long as the one who holds it has said, whoever looks.
func TestAWorkersLeaseIsItsOwn(t *testing.T) {
	b := newBench(t)
	hold, begun, release := holding()
	b.start(func(w *Worker) { w.Lease = 20 * time.Second }, hold)
	b.enqueue(queue.New{Handler: "hold"})
	<-begun
	b.start(nil, hold)                              // with a lease of 1 s
	dead := b.Queue.Consumer("silent", time.Second) // whose lease runs out meanwhile
	if _, err := dead.Reclaim(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if err := b.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.enqueue(queue.New{ID: "taken over", Handler: "noop"})
	if jobs, err := dead.Wait(t.Context(), 1, time.Minute); len(jobs) != 1 || err != nil {
		t.Fatalf("%d jobs, %v", len(jobs), err)
	}
	if err := b.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.until("taken over", func(s queue.Stats) bool { return s.Done == 1 })
	select {
	case <-begun:
		t.Error("a job was taken from a worker that lives")
	default:
	}
	close(release)
	b.until("done", settled)
}
