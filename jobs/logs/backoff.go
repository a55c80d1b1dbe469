package main

import (
	"context"
	"math/rand/v2"
	"time"
)

// notable is the failure in a row that is worth a line: the first few are what a
// task that starts or an agent that restarts looks like.
const notable = 4

// backoff waits longer from failure to failure, each time by a random part, so that
// many who lost the same agent do not come back at once. Its zero value is ready.
type backoff struct{ failures int }

const (
	shortestPause = 200 * time.Millisecond
	longestPause  = 5 * time.Second
)

// failed counts a failure and returns how many there were in a row.
func (b *backoff) failed() int {
	b.failures++
	return b.failures
}

func (b *backoff) reset() { b.failures = 0 }

// wait returns the context's error if that ends first.
func (b *backoff) wait(ctx context.Context) error {
	pause := min(longestPause, shortestPause<<min(max(b.failures-1, 0), 10))
	timer := time.NewTimer(pause/2 + rand.N(pause/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
