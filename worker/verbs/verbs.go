// Package verbs has the commands with which people and scripts use the queue.
package verbs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"formation/worker/config"
	"formation/worker/queue"
)

// Streams are a command's own.
type Streams struct {
	In       io.Reader // asked for payloads if it is not a terminal
	Out, Err io.Writer
}

// Run carries out a command. Its error is one line, which says what is wrong, and what
// was done before; notes on the way there go to Err. A command that waits for a run leaves
// it to itself when ctx ends; others take no notice of that.
func Run(ctx context.Context, command config.Command, streams Streams) error {
	switch c := command.(type) {
	case *config.Enqueue:
		return with(c.Connection, streams, func(s session) error { return s.enqueue(*c) })
	case *config.ListQueues:
		return with(c.Connection, streams, func(s session) error { return s.listQueues(c.JSON) })
	case *config.PauseQueues:
		return with(c.Connection, streams, func(s session) error { return s.pause(c.Names) })
	case *config.ResumeQueues:
		return with(c.Connection, streams, func(s session) error { return s.resume(c.Names) })
	case *config.ListFailed:
		return with(c.Connection, streams, func(s session) error { return s.listFailed(*c) })
	case *config.ShowFailed:
		return with(c.Connection, streams, func(s session) error { return s.showFailed(*c) })
	case *config.RetryFailed:
		return with(c.Connection, streams, func(s session) error { return s.retry(c.Chosen) })
	case *config.DiscardFailed:
		return with(c.Connection, streams, func(s session) error { return s.discard(c.Chosen) })
	case *config.Result:
		return with(c.Connection, streams, func(s session) error { return s.result(*c) })
	case *config.MapReduce:
		return with(c.Connection, streams, func(s session) error { return s.mapReduce(ctx, *c) })
	case *config.ShowRuns:
		return with(c.Connection, streams, func(s session) error { return s.showRuns(*c) })
	case *config.AttachRun:
		return with(c.Connection, streams, func(s session) error { return s.attach(ctx, *c) })
	case *config.CancelRun:
		return with(c.Connection, streams, func(s session) error { return s.cancelRun(*c) })
	}
	return fmt.Errorf("%T is no command for the queue", command)
}

// session is one command at work.
type session struct {
	Streams
	at    config.Connection
	redis opened
}

// with opens Redis for a command.
func with(at config.Connection, streams Streams, do func(session) error) error {
	redis, err := open(at)
	if err != nil {
		return err
	}
	defer redis.Close()
	return do(session{streams, at, redis})
}

// queue opens a queue.
func (s session) queue(name string) (*queue.Queue, error) { return queue.Open(s.redis, name) }

// ask asks Redis for something, within its time.
func (s session) ask(do func(context.Context) error) error { return s.about(s.within(do)) }

// within is ask with the error as it is.
func (s session) within(do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.at.RedisTimeout)
	defer cancel()
	return do(ctx)
}

// about makes of Redis's error one that names the option.
func (s session) about(err error) error {
	var waited net.Error
	switch {
	case err == nil, errors.Is(err, queue.ErrFull), errors.Is(err, queue.ErrKeyTaken):
		return err
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &waited) && waited.Timeout():
		return fmt.Errorf("--redis: %s did not answer within --redis-timeout, %v: %w", s.at.RedisURL, s.at.RedisTimeout, err)
	}
	return fmt.Errorf("--redis: %s: %w", s.at.RedisURL, err)
}

// note tells something beside what the command prints.
func (s session) note(format string, args ...any) {
	fmt.Fprintf(s.Err, "worker: "+format+"\n", args...)
}

// jobs is a number of them in words.
func jobs(n int64) string {
	if n == 1 {
		return "1 job"
	}
	return fmt.Sprint(n, " jobs")
}
