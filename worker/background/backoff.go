package background

import (
	"context"
	"math/rand/v2"
	"time"
)

// delay is how long a job is put off whose attempt, the first is 1, has failed.
func (r *run) delay(attempt int) time.Duration {
	d := r.Backoff
	for range attempt - 1 {
		if d >= r.MaxBackoff {
			break
		}
		d *= 2
	}
	return jitter(min(d, r.MaxBackoff))
}

// jitter makes d shorter by chance, to half at most, so that what began together does not
// stay together.
func jitter(d time.Duration) time.Duration {
	if d <= 1 {
		return d
	}
	return d - rand.N(d/2)
}

// pause is the time between two attempts to reach Redis, which grows.
type pause struct{ next time.Duration }

// The first and the longest pause.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = 2 * time.Second
)

func newPause() *pause { return &pause{firstPause} }

// reset is for when Redis was reached.
func (p *pause) reset() { p.next = firstPause }

// after waits after an error; false: ctx has ended.
func (p *pause) after(ctx context.Context, err error) bool {
	d := jitter(p.next)
	p.next = min(2*p.next, longestPause)
	return err != nil && idle(ctx, d)
}
