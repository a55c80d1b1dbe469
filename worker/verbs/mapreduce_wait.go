package verbs

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"formation/worker/mapreduce"
	"formation/worker/queue"
)

const (
	// patience is how long a command that waits for a run goes on while Redis does not
	// answer.
	patience = 5 * time.Minute
	// nudgeAfter is after what time without a step forward a run is looked after.
	nudgeAfter = 2 * time.Second
)

// The pauses between looking at a run, which are a part of the time it takes, and those
// between asking a Redis that is away grow from the first to the second.
const (
	firstLook, mostLook = 10 * time.Millisecond, 250 * time.Millisecond
	firstTry, mostTry   = 100 * time.Millisecond, 2 * time.Second
)

// watch waits until a run is over.
func (r run) watch(ctx context.Context) (mapreduce.Status, error) {
	going, was, since := newGoing(r), mapreduce.Status{}, time.Now()
	for pause := firstLook; ; pause = min(pause*21/20, mostLook) {
		var now mapreduce.Status
		err := r.patiently(ctx, func() (err error) {
			now, err = r.runs.Status(ctx, r.name)
			return err
		})
		if err != nil || now.State != mapreduce.Running {
			return now, err
		}
		going.saw(now)
		if now.Stage != was.Stage || now.Recorded != was.Recorded || now.Retries != was.Retries {
			was, since = now, time.Now()
		} else if time.Since(since) >= nudgeAfter {
			if err := r.patiently(ctx, func() error { return r.runs.Nudge(ctx, now) }); err != nil {
				return now, err
			}
			since = time.Now()
		}
		if !idle(ctx, pause) {
			return now, ctx.Err()
		}
	}
}

// patiently repeats what Redis did not do, and says once that it does. Each command that do
// asks of Redis is bounded by --redis-timeout, and do by nothing.
func (s session) patiently(ctx context.Context, do func() error) error {
	var away time.Time // zero: it is not
	for pause := firstTry; ; pause = min(2*pause, mostTry) {
		began := time.Now()
		err := do()
		if err == nil || ctx.Err() != nil || !passes(err) {
			return err
		}
		switch answers := 4 * s.at.RedisTimeout; { // for that long a command can be under way, with its connection
		case away.IsZero():
			away = time.Now()
			s.note("%v; this waits for it", s.about(err))
		case time.Since(began) > answers:
			away = time.Now()
		case time.Since(away) >= patience:
			return err
		}
		if !idle(ctx, pause) {
			return ctx.Err()
		}
	}
}

// passes reports whether Redis may do later what it did not do now.
func passes(err error) bool {
	var said redis.Error
	if errors.As(err, &said) {
		return !queue.Refused(err)
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// idle waits, and reports whether ctx has not ended.
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
