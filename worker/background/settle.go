package background

import (
	"context"
	"fmt"
	"sync"

	"formation/worker/queue"
)

// maxUnsettled is how many outcomes may wait to be settled; jobs wait when there are more.
const maxUnsettled = 1000

// settle tells the queue what became of jobs, until last is closed and all were told, or
// ctx has ended: of those that leave nothing behind as many at once as have ended
// meanwhile, of the others one by one, beside.
func (r *run) settle(ctx context.Context, last <-chan struct{}) {
	others := make(chan outcome, maxUnsettled)
	var settlers sync.WaitGroup
	defer settlers.Wait()
	defer close(others)
	for range parallel {
		settlers.Go(func() {
			for o := range others {
				r.settleOne(ctx, o)
				r.hands.remove(o.held)
			}
		})
	}
	for {
		var plain []*held
		sort := func(o outcome) {
			switch {
			case o.kind == kept: // the queue's again, by handing back or by its lease
				r.hands.remove(o.held)
			case o.kind == done && o.Plain():
				o.Payload = ""
				plain = append(plain, o.held)
			default:
				others <- o
			}
		}
		select {
		case o := <-r.outcomes:
			sort(o)
		case <-ctx.Done():
			return
		case <-last:
			if len(r.outcomes) == 0 {
				return
			}
		}
		for len(plain) < maxUnsettled && len(r.outcomes) > 0 {
			sort(<-r.outcomes)
		}
		r.acknowledge(ctx, plain)
	}
}

// parallel is how many outcomes that need a transition of their own are settled at a time.
const parallel = 8

// acknowledge tells of jobs that are done and leave nothing behind.
func (r *run) acknowledge(ctx context.Context, jobs []*held) {
	if len(jobs) == 0 {
		return
	}
	deliveries := make([]*queue.Delivery, len(jobs))
	for n, j := range jobs {
		deliveries[n] = j.Delivery
	}
	_ = r.repeat(ctx, func() error { // or their leases run out
		counted, err := r.consumer.Acknowledge(ctx, deliveries)
		r.Metrics.uncounted(int64(len(jobs))-counted, err)
		return err
	})
	r.hands.remove(jobs...)
}

// settleOne tells of one job. What Redis refuses for good has failed.
func (r *run) settleOne(ctx context.Context, o outcome) {
	counted := false
	err := r.repeat(ctx, func() (err error) {
		switch o.kind {
		case done:
			counted, err = r.consumer.Complete(ctx, o.Delivery, o.result)
		case retried:
			counted, err = r.consumer.Retry(ctx, o.Delivery, r.delay(o.Attempt))
		case failed:
			counted, err = r.consumer.Fail(ctx, o.Delivery, o.err.Error(), o.attempts)
		}
		return err
	})
	switch {
	case err != nil && o.kind != failed && queue.Refused(err):
		o.kind, o.err = failed, fmt.Errorf("redis refuses what became of it: %w", err)
		r.settleOne(ctx, o)
		return
	case err != nil:
		return
	case !counted:
		r.Metrics.uncounted(1, nil)
	}
	switch o.kind {
	case retried:
		r.Log.Warn("a job has failed and is tried again", "id", o.ID, "handler", o.Handler, "attempt", o.attempts, "of", o.Attempts, "error", o.err.Error())
	case failed:
		r.Log.Error("a job has failed for good", "id", o.ID, "handler", o.Handler, "attempts", o.attempts, "error", o.err.Error())
	}
}

// repeat repeats a transition until it was carried out, Redis refuses it for good, or ctx
// ends. One whose answer was lost changes nothing the second time.
func (r *run) repeat(ctx context.Context, transition func() error) error {
	for wait := newPause(); ; {
		err := transition()
		if err == nil {
			return nil
		}
		r.Log.Warn("the queue cannot be told what became of jobs", "error", err)
		if queue.Refused(err) || !wait.after(ctx, err) {
			return err
		}
	}
}
