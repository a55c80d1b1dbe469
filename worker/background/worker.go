// Package background is the process type of that name: it takes jobs off a queue and does
// them, several in tandem, until it is asked to end.
package background

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"formation/worker/queue"
)

// Worker does a queue's jobs. Its fields are to be set before Run, all but those that say
// otherwise.
type Worker struct {
	Queue *queue.Queue
	// ID is this worker's name in the queue, which no other may ever have had.
	ID          string
	Handlers    []queue.Handler
	Concurrency int // how many jobs run at a time; 1 or more

	// Lease is for how long the queue leaves jobs to a worker that it does not hear of. A
	// second or more.
	Lease time.Duration
	// MaxDeliveries is how many workers a job may take down before it goes to the failed
	// queue; 1 or more.
	MaxDeliveries int
	// Backoff is the delay after a first failure, which doubles with each up to
	// MaxBackoff, and is then made shorter by chance, to half at most.
	Backoff, MaxBackoff time.Duration
	// Timeout bounds one attempt of a job that has no timeout itself; 0: nothing does.
	Timeout time.Duration
	// DrainTimeout is how long what runs may go on when Run is to end.
	DrainTimeout time.Duration

	Log     *slog.Logger
	Metrics *Metrics
}

// ErrEnding is the cause of the end of the context of a job that is cut off because its
// worker has to end. It goes back to the queue, its attempt unspent.
var ErrEnding = errors.New("the worker has to end")

// ErrLost is the cause of the end of the context of a job whose lease was lost: another
// worker may be doing it.
var ErrLost = errors.New("the lease on the job was lost")

// grace is how long jobs that are cut off may take to notice.
const grace = time.Second

// Run does jobs until ctx ends. Then it takes no more, lets what runs go on for
// DrainTimeout, hands the rest back to the queue and leaves it. When hurry ends, it waits
// no longer. It returns an error if it could not hand back what it had, which others take
// up when its leases have run out.
func (w *Worker) Run(ctx, hurry context.Context) error {
	r := &run{
		Worker:   w,
		consumer: w.Queue.Consumer(w.ID, w.Lease),
		handlers: map[string]queue.Handler{},
		outcomes: make(chan outcome, maxUnsettled),
	}
	r.hands = newHands(w.Concurrency, func(d *queue.Delivery) bool { return d.Fault == nil && d.Crashes > 0 && d.Crashes == w.MaxDeliveries-1 })
	for _, h := range w.Handlers {
		r.handlers[h.Name()] = h
	}
	return r.run(ctx, hurry)
}

// run is one Run.
type run struct {
	*Worker
	consumer *queue.Consumer
	hands    *hands
	handlers map[string]queue.Handler
	outcomes chan outcome // of jobs that have ended, to be settled

	done, handedBack atomic.Int64 // jobs
}

// run starts the parts and ends them, one after the other: who takes jobs, who does them,
// who settles what became of them, and who keeps the leases.
func (r *run) run(ctx, hurry context.Context) error {
	jobs, cut := context.WithCancelCause(context.Background())
	defer cut(nil)
	settling, stopSettling := context.WithCancel(context.Background())
	defer stopSettling()
	last := make(chan struct{})
	keeping, stopKeeping := context.WithCancel(context.Background())
	defer stopKeeping()

	var takers, doers, settler, keeper sync.WaitGroup
	keeper.Go(func() { r.extend(keeping) })
	settler.Go(func() { r.settle(settling, last) })
	for range r.Concurrency {
		doers.Go(func() { r.doAll(ctx, jobs, settling, &doers) })
	}
	takers.Go(func() { r.take(ctx) })
	takers.Go(func() { r.reclaim(ctx) })

	takers.Wait() // ctx has ended
	close(r.hands.todo)
	r.giveBackRest()
	r.drain(hurry, &doers, cut)
	close(last)
	timeout := time.AfterFunc(settleTimeout, stopSettling)
	settler.Wait()
	timeout.Stop()
	stopKeeping()
	keeper.Wait()
	return r.leave()
}

// giveBackRest returns what was not begun to the queue, for others to begin it now.
func (r *run) giveBackRest() {
	var rest []*held
	for j := r.hands.next(); j != nil; j = r.hands.next() {
		rest = append(rest, j)
	}
	if len(rest) > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), settleTimeout)
		defer cancel()
		_ = r.giveBack(ctx, rest) // or with the rest, in the end
	}
}

// drain waits for what runs to end, and cuts it off when the time is over.
func (r *run) drain(hurry context.Context, doers *sync.WaitGroup, cut context.CancelCauseFunc) {
	done := make(chan struct{})
	go func() {
		doers.Wait()
		close(done)
	}()
	timer := time.NewTimer(r.DrainTimeout)
	defer timer.Stop()
	select {
	case <-done:
		return
	case <-timer.C:
	case <-hurry.Done():
	}
	cut(ErrEnding)
	timer.Reset(grace)
	select {
	case <-done:
	case <-timer.C:
		r.Log.Warn("jobs do not notice that they are cut off", "jobs", r.hands.running())
	}
}

// settleTimeout is how long a worker that ends tries to tell the queue what became of its
// jobs and to hand the rest back, each.
const settleTimeout = 5 * time.Second

// leave hands back what is left and leaves the queue.
func (r *run) leave() error {
	ctx, cancel := context.WithTimeout(context.Background(), settleTimeout)
	defer cancel()
	err := r.repeat(ctx, func() error {
		n, err := r.consumer.HandBack(ctx)
		r.handedBack.Add(n)
		r.Metrics.handedBack(n)
		return err
	})
	if err == nil {
		err = r.repeat(ctx, func() error {
			_, err := r.consumer.Leave(ctx) // not while it owes something after all: a job may ignore its end
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("drain: jobs could not be handed back, others take them when their leases have run out: %w", err)
	}
	r.Log.Info("drained", "done", r.done.Load(), "handed_back", r.handedBack.Load())
	return nil
}
