package background

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"formation/worker/queue"
)

// outcome is what became of a job in one attempt.
type outcome struct {
	*held
	kind     kind
	attempts int // that there have been
	result   []byte
	err      error // why it is retried or has failed
}

// kind tells outcomes apart.
type kind uint8

const (
	done    kind = iota
	retried      // an attempt failed, and there are more
	failed       // for good
	kept         // it stays the queue's: it goes back, or has another worker already
)

// String is the kind as metrics have it.
func (k kind) String() string { return [...]string{"done", "retried", "failed", "interrupted"}[k] }

// doAll does the jobs that are to be begun, one after the other. Once ctx has ended it
// begins none; jobs is what contexts of jobs are made from, and settling ends when outcomes
// are no longer wanted. A handler that ends its goroutine has another take its place.
func (r *run) doAll(ctx, jobs, settling context.Context, doers *sync.WaitGroup) {
	whole := false
	defer func() {
		if !whole {
			doers.Go(func() { r.doAll(ctx, jobs, settling, doers) })
		}
	}()
	for range r.hands.todo {
		if ctx.Err() != nil {
			break
		}
		if j := r.hands.next(); j != nil {
			r.doOne(jobs, settling, j)
		}
	}
	whole = true
}

// doOne does one job, and passes on what became of it.
func (r *run) doOne(jobs, settling context.Context, j *held) {
	began := time.Now()
	o := r.judge(j, nil, errors.New("its handler ended its goroutine"))
	defer func() {
		took := time.Since(began)
		r.hands.end(j, max(took, 1))
		if o.kind == done {
			r.done.Add(1)
		}
		r.Metrics.ended(j.Handler, o.kind, took)
		select {
		case r.outcomes <- o:
		case <-settling.Done():
		}
	}()
	o = r.do(jobs, j)
}

// do makes one attempt at a job.
func (r *run) do(jobs context.Context, j *held) outcome {
	h, known := r.handlers[j.Handler]
	switch late := !j.Deadline.IsZero() && time.Now().After(j.Deadline); {
	case j.Fault != nil:
		return outcome{j, failed, j.Attempt - 1, nil, fmt.Errorf("this is no job: %w", j.Fault)}
	case j.Crashes >= r.MaxDeliveries:
		return outcome{j, failed, j.Attempt - 1, nil, fmt.Errorf("%d workers ended while they had it", j.Crashes)}
	case late:
		return outcome{j, failed, j.Attempt - 1, nil, errLate}
	case !known:
		return r.judge(j, nil, fmt.Errorf("there is no handler %q", j.Handler))
	}

	ctx, cancel := r.context(jobs, j)
	defer cancel(nil)
	r.hands.begin(j, cancel)
	result, err := attempt(ctx, h, j.Delivery)
	if err != nil {
		switch cause := context.Cause(ctx); {
		case errors.Is(cause, ErrEnding), errors.Is(cause, ErrLost):
			return outcome{j, kept, j.Attempt - 1, nil, cause}
		case errors.Is(cause, errLate), errors.Is(cause, errTimeout):
			err = fmt.Errorf("%w: %w", cause, err)
		}
	}
	return r.judge(j, result, err)
}

var (
	errLate    = errors.New("its deadline has passed")
	errTimeout = errors.New("its time was over")
)

// context is a job's: it ends with the attempt's time, and when the job is to be cut off.
func (r *run) context(jobs context.Context, j *held) (context.Context, context.CancelCauseFunc) {
	ctx, cancel := context.WithCancelCause(jobs)
	stop := cancel
	bound := func(bounded context.Context, release context.CancelFunc) {
		before := stop
		ctx, stop = bounded, func(cause error) { before(cause); release() }
	}
	timeout := j.Timeout
	if timeout == 0 {
		timeout = r.Timeout
	}
	if timeout > 0 {
		bound(context.WithTimeoutCause(ctx, timeout, errTimeout))
	}
	if !j.Deadline.IsZero() {
		bound(context.WithDeadlineCause(ctx, j.Deadline, errLate))
	}
	return ctx, stop
}

// judge says what follows an attempt.
func (r *run) judge(j *held, result []byte, err error) outcome {
	switch {
	case err == nil:
		return outcome{j, done, j.Attempt, result, nil}
	case queue.IsPermanent(err), errors.Is(err, errLate), j.Attempt >= j.Attempts:
		return outcome{j, failed, j.Attempt, nil, err}
	default:
		return outcome{j, retried, j.Attempt, nil, err}
	}
}

// attempt runs a handler. That it panics is its own failure.
func attempt(ctx context.Context, h queue.Handler, d *queue.Delivery) (result []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return h.Run(ctx, d)
}
