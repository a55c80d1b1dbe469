package background

import (
	"context"
	"sync"

	"formation/worker/queue"
)

// maxUnsettled is how many outcomes may wait to be settled; jobs wait when there are more.
const maxUnsettled = 1000

// settle tells the queue what became of jobs, as many at once as have ended meanwhile,
// until last is closed and all were told, or ctx has ended.
func (r *run) settle(ctx context.Context, last <-chan struct{}) {
	for {
		var batch []outcome
		select {
		case o := <-r.outcomes:
			batch = append(batch, o)
		case <-ctx.Done():
			return
		case <-last:
			if len(r.outcomes) == 0 {
				return
			}
		}
		for len(batch) < maxUnsettled && len(r.outcomes) > 0 {
			batch = append(batch, <-r.outcomes)
		}
		r.settleAll(ctx, batch)
	}
}

// parallel is how many outcomes that need a transition of their own are settled at a time.
const parallel = 4

func (r *run) settleAll(ctx context.Context, batch []outcome) {
	var plain []*held
	others := make(chan outcome, len(batch))
	for _, o := range batch {
		switch {
		case o.kind == kept: // the queue's again, by handing back or by its lease
			r.hands.remove(o.held)
		case o.kind == done && o.Plain():
			plain = append(plain, o.held)
		default:
			others <- o
		}
	}
	close(others)
	var settlers sync.WaitGroup
	for range min(parallel, len(others)) {
		settlers.Go(func() {
			for o := range others {
				r.repeat(ctx, func() error { return r.settleOne(ctx, o) })
				r.hands.remove(o.held)
			}
		})
	}
	if len(plain) > 0 {
		deliveries := make([]*queue.Delivery, len(plain))
		for n, j := range plain {
			deliveries[n] = j.Delivery
		}
		r.repeat(ctx, func() error {
			counted, err := r.consumer.Acknowledge(ctx, deliveries)
			r.Metrics.uncounted(int64(len(plain))-counted, err)
			return err
		})
		r.hands.remove(plain...)
	}
	settlers.Wait()
}

// settleOne tells of one job.
func (r *run) settleOne(ctx context.Context, o outcome) error {
	var counted bool
	var err error
	switch o.kind {
	case done:
		counted, err = r.consumer.Complete(ctx, o.Delivery, o.result)
	case retried:
		counted, err = r.consumer.Retry(ctx, o.Delivery, r.delay(o.Attempt))
	case failed:
		counted, err = r.consumer.Fail(ctx, o.Delivery, o.err.Error(), o.attempts)
	}
	if err != nil {
		return err
	}
	if !counted {
		r.Metrics.uncounted(1, nil)
	}
	switch o.kind {
	case retried:
		r.Log.Warn("a job has failed and is tried again", "id", o.ID, "handler", o.Handler, "attempt", o.attempts, "of", o.Attempts, "error", o.err.Error())
	case failed:
		r.Log.Error("a job has failed for good", "id", o.ID, "handler", o.Handler, "attempts", o.attempts, "error", o.err.Error())
	}
	return nil
}

// repeat repeats a transition until it was carried out or ctx ends. One whose answer was
// lost changes nothing the second time.
func (r *run) repeat(ctx context.Context, transition func() error) {
	for wait := newPause(); ctx.Err() == nil; {
		err := transition()
		if err == nil || !wait.after(ctx, err) {
			return
		}
		r.Log.Warn("the queue cannot be told what became of jobs", "error", err)
	}
}
