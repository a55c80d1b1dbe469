package background

import (
	"context"
	"time"

	"formation/worker/queue"
)

// maxWait is how long one wait for jobs takes at most, and so how late a delayed job may
// be that was enqueued meanwhile.
const maxWait = 500 * time.Millisecond

// maxClaim is how many jobs are claimed at once, at most.
const maxClaim = 200

// take takes jobs off the queue as there is room for them, until ctx ends.
func (r *run) take(ctx context.Context) {
	pause := newPause()
	for ctx.Err() == nil {
		n := r.hands.room(maxClaim)
		if n == 0 {
			select {
			case <-r.hands.freed:
			case <-ctx.Done():
			}
			continue
		}
		claimed, err := r.consumer.Claim(ctx, n)
		jobs := r.admit(ctx, n, claimed.Jobs)
		switch {
		case claimed.Paused:
			r.putBack(ctx, jobs)
		case err == nil && len(claimed.Jobs) == 0:
			claimed.Paused, err = r.wait(ctx, claimed.Due)
		default:
			r.hands.ready(jobs, false)
		}
		switch {
		case err != nil:
			if pause.after(ctx, err) {
				r.Log.Warn("no jobs can be taken", "queue", r.Queue.Name(), "error", err)
			}
			continue
		case claimed.Paused:
			idle(ctx, maxWait)
		}
		pause.reset()
	}
}

// riskyPause is for how long risky jobs are put off that come together.
const riskyPause = time.Second

// admit takes jobs in hand, and puts off what is too risky to have now.
func (r *run) admit(ctx context.Context, promised int, jobs []*queue.Delivery) []*held {
	added, risky := r.hands.add(promised, jobs)
	ctx, cancel := unhurried(ctx)
	defer cancel()
	for _, d := range risky {
		_ = r.repeat(ctx, func() error { // or its lease runs out
			_, err := r.consumer.PutOff(ctx, d, jitter(riskyPause))
			return err
		})
	}
	return added
}

// unhurried is for what has to be done even if the worker has to end meanwhile.
func unhurried(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
}

// patience is how much longer than asked for a wait for jobs may take, when Redis does
// not answer.
const patience = 2 * time.Second

// wait waits for jobs, no longer than until the next delayed one is due, and returns them
// if the queue is paused.
func (r *run) wait(ctx context.Context, due time.Duration) (paused bool, err error) {
	most := maxWait
	if due >= 0 {
		most = min(most, due)
	}
	n := r.hands.room(maxClaim)
	if n == 0 || most < time.Millisecond {
		r.hands.add(n, nil)
		return false, nil
	}
	within, cancel := context.WithTimeout(ctx, most+patience)
	defer cancel()
	waited, err := r.consumer.Wait(within, max(1, n/3), most)
	jobs := r.admit(ctx, n, waited)
	if len(jobs) == 0 {
		return false, err
	}
	_ = r.repeat(ctx, func() error {
		paused, err = r.Queue.Paused(ctx)
		return err
	})
	if paused {
		r.putBack(ctx, jobs)
	} else {
		r.hands.ready(jobs, false) // nobody begins them, if ctx has ended
	}
	return paused, nil
}

// putBack returns jobs that were not begun to the queue. When the worker has to end before
// that was done, it is left to its end.
func (r *run) putBack(ctx context.Context, jobs []*held) {
	if len(jobs) > 0 && r.giveBack(ctx, jobs) != nil {
		r.hands.ready(jobs, true)
	}
}

// giveBack returns jobs that were not begun to the queue, unless ctx ends before.
func (r *run) giveBack(ctx context.Context, jobs []*held) error {
	places := make([]queue.Place, len(jobs))
	for n, j := range jobs {
		places[n] = j.Place()
	}
	if err := r.repeat(ctx, func() error {
		n, err := r.consumer.Return(ctx, places)
		r.handedBack.Add(n)
		r.Metrics.handedBack(n)
		return err
	}); err != nil {
		return err
	}
	for _, j := range jobs {
		r.hands.end(j, 0)
	}
	r.hands.remove(jobs...)
	return nil
}

// reclaimEvery is how often leases are looked at that have run out.
const reclaimEvery = 600 * time.Millisecond

// longest is for how long a job waits in hand to be begun, before others may have it.
const longest = time.Second

// reclaim takes jobs over whose workers have died, and gives back what it has no time for,
// until ctx ends.
func (r *run) reclaim(ctx context.Context) {
	for idle(ctx, jitter(min(reclaimEvery, r.Lease/6))) {
		_ = r.Queue.Announce(ctx) // next time
		r.putBack(ctx, r.hands.stale(longest))
		n := r.hands.spare(maxClaim)
		jobs, err := r.consumer.Reclaim(ctx, n)
		added := r.admit(ctx, n, jobs)
		if err != nil {
			continue // next time
		}
		for _, j := range added {
			r.Log.Warn("a job was taken over from a worker that was not heard of", "id", j.ID, "handler", j.Handler, "crashes", j.Crashes)
		}
		r.hands.ready(added, true)
	}
}
