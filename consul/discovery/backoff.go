package discovery

import (
	"context"
	"time"
)

// backoff gives the waits between attempts at something that fails: exponential
// with full jitter, each wait anything between nothing and a limit that doubles, so
// that many programs that lost one server do not return to it in step.
type backoff struct {
	first, most time.Duration  // the limit of the first wait, and of any
	random      func() float64 // in [0, 1)
	limit       time.Duration  // of the next wait; 0 before the first
}

// next gives the wait before the next attempt.
func (b *backoff) next() time.Duration {
	limit := max(b.first, b.limit)
	b.limit = min(2*limit, b.most)
	return time.Duration(b.random() * float64(limit))
}

// reset is called after a success.
func (b *backoff) reset() { b.limit = 0 }

// sleep waits, and reports whether it did so before the context ended.
func sleep(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
