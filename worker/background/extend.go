package background

import (
	"context"
	"time"
)

// extend extends the leases on all that is in hand, until ctx ends: three times in each
// lease, so that one that comes late does no harm.
func (r *run) extend(ctx context.Context) {
	for idle(ctx, jitter(r.Lease/3)) {
		places := r.hands.places()
		within, cancel := context.WithTimeout(ctx, r.Lease/3)
		lost, err := r.consumer.Extend(within, places)
		cancel()
		if err != nil && ctx.Err() == nil {
			r.Log.Warn("leases could not be extended", "jobs", len(places), "error", err)
		}
		for _, p := range lost {
			if j := r.hands.lose(p); j != nil {
				r.Log.Warn("the lease on a job was lost", "id", j.ID, "handler", j.Handler)
			}
		}
	}
}

// idle waits for d; false: ctx has ended.
func idle(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
