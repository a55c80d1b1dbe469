// Package hello is the HTTP app: it counts a hit and says hello with the hit's own
// number.
package hello

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// ErrBusy is a hit's error when more hits wait for a number than may.
var ErrBusy = errors.New("too many hits are waiting")

// ErrSlow is a hit's error when it got no number in time.
var ErrSlow = errors.New("no number in time")

// waitLimit bounds how many hits may wait for a number: a few KiB each, and far
// more than are worth an answer after the wait.
const waitLimit = 8192

// Add adds n, at least 1, to the number of hits and returns the sum. An error may mean
// that it was added all the same; it must not be added twice.
type Add func(ctx context.Context, n int64) (int64, error)

// Counter gives each hit a number of its own. Hits that arrive together share one
// addition: while one is under way, those who come meanwhile wait and are added
// together next, in order of arrival. What an addition that failed may have added is
// never handed out, so that no number is given twice and there are no more numbers
// missing than hits that got an error. It is safe for concurrent use.
type Counter struct {
	add     Add
	timeout time.Duration
	metrics *Metrics
	outage  outage // used by send alone

	mu      sync.Mutex
	waiting []waiter // in order of arrival
	sending bool     // a goroutine runs send
}

// waiter is one hit without a number yet.
type waiter struct {
	ctx    context.Context
	number chan<- number // with room for it
}

type number struct {
	n   int64
	err error
}

// NewCounter returns a counter of additions by add. A hit waits for its number for the
// timeout at most, and so does an addition. It logs when additions begin to fail and
// when they succeed again.
func NewCounter(add Add, timeout time.Duration, metrics *Metrics, log *slog.Logger) *Counter {
	return &Counter{add: add, timeout: timeout, metrics: metrics, outage: outage{log: log}}
}

// Hit counts a hit and returns its number. It returns within the timeout or when
// ctx ends, whichever comes first: with ErrBusy, ErrSlow, the context's error, or the
// addition's. A hit that gave up before its addition was sent is not counted.
func (c *Counter) Hit(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, ErrSlow)
	defer cancel()
	mine := make(chan number, 1)
	if !c.join(waiter{ctx: ctx, number: mine}) {
		return 0, ErrBusy
	}
	select {
	case got := <-mine:
		return got.n, got.err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

func (c *Counter) join(w waiter) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == waitLimit {
		return false
	}
	c.waiting = append(c.waiting, w)
	if !c.sending {
		c.sending = true
		go c.send()
	}
	return true
}

// send adds batch after batch until nobody waits. It runs once at a time, and for one
// timeout at most after the last hit has returned.
func (c *Counter) send() {
	for batch := c.next(); batch != nil; batch = c.next() {
		ctx, cancel := context.WithTimeout(context.Background(), c.timeout)
		sum, err := c.add(ctx, int64(len(batch)))
		cancel()
		c.outage.saw(err)
		c.metrics.batch.Observe(float64(len(batch)))
		first := sum - int64(len(batch)) + 1
		for i, w := range batch {
			w.number <- number{n: first + int64(i), err: err}
		}
	}
}

// next takes all who wait and have not given up; nil ends the sending.
func (c *Counter) next() []waiter {
	c.mu.Lock()
	defer c.mu.Unlock()
	batch := slices.DeleteFunc(c.waiting, func(w waiter) bool { return w.ctx.Err() != nil })
	c.waiting = nil
	if len(batch) == 0 {
		c.sending = false
		return nil
	}
	return batch
}
