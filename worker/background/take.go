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
	pause, announced := newPause(), false
	for ctx.Err() == nil {
		n := r.hands.room(maxClaim)
		if n == 0 {
			select {
			case <-r.hands.freed:
			case <-ctx.Done():
			}
			continue
		}
		announced = announced || r.Queue.Announce(ctx) == nil
		claimed, err := r.consumer.Claim(ctx, n)
		r.hands.ready(r.admit(ctx, n, claimed.Jobs), false)
		if err == nil && !claimed.Paused && len(claimed.Jobs) == 0 {
			claimed.Paused, err = r.wait(ctx, claimed.Due)
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
	for _, d := range risky {
		if _, err := r.consumer.PutOff(ctx, d, jitter(riskyPause)); err != nil {
			r.Log.Warn("a job could not be put off, and waits until its lease has run out", "id", d.ID, "error", err)
		}
	}
	return added
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
	if paused, err = r.Queue.Paused(ctx); paused || err != nil {
		r.giveBack(ctx, jobs)
		return paused, err
	}
	r.hands.ready(jobs, false)
	return false, nil
}

// giveBack returns jobs that were not begun to the queue, and says how many.
func (r *run) giveBack(ctx context.Context, jobs []*held) int64 {
	places := make([]queue.Place, len(jobs))
	for n, j := range jobs {
		places[n] = j.Place()
		r.hands.end(j, 0)
	}
	r.hands.remove(jobs...)
	n, err := r.consumer.Return(ctx, places)
	if err != nil {
		r.Log.Warn("jobs could not be returned, and wait until their leases have run out", "jobs", len(jobs), "error", err)
	}
	r.Metrics.handedBack(n)
	return n
}

// reclaimEvery is how often leases are looked at that have run out.
const reclaimEvery = 600 * time.Millisecond

// reclaim takes jobs over whose workers have died, until ctx ends.
func (r *run) reclaim(ctx context.Context) {
	for idle(ctx, jitter(reclaimEvery)) {
		n := r.hands.spare(maxClaim)
		jobs, err := r.consumer.Reclaim(ctx, n)
		added := r.admit(ctx, n, jobs)
		if err != nil {
			continue // take says so
		}
		for _, j := range added {
			r.Log.Warn("a job was taken over from a worker that was not heard of", "id", j.ID, "handler", j.Handler, "crashes", j.Crashes)
		}
		r.hands.ready(added, true)
	}
}
