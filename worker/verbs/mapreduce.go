package verbs

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/redis/go-redis/v9"

	"formation/worker/config"
	"formation/worker/mapreduce"
	"formation/worker/queue"
)

// run is a command at work with one run.
type run struct {
	session
	config.Printed
	runs *mapreduce.Runs
	name string
	line *lastLine // of a terminal, where progress is shown; nil: there is none
}

// mapReduce starts a run, and prints its result.
func (s session) mapReduce(ctx context.Context, c config.MapReduce) error {
	q, err := s.queue(c.Queue)
	if err != nil {
		return err
	}
	r := run{session: s, Printed: c.Printed, runs: s.runs(), name: mapreduce.NewName()}
	if err := s.within(func(ctx context.Context) error { return r.runs.Start(ctx, q, r.name, c.Spec) }); err != nil {
		return r.notStarted(err)
	}
	if c.Detach {
		_, err := fmt.Fprintln(s.Out, r.name)
		return err
	}
	return r.see(ctx, c.Spec.Ordered)
}

// notStarted is the error of a run's start. When Redis got it, and has not answered, the run
// may go on all the same.
func (r run) notStarted(err error) error {
	var dial *net.OpError
	var refused redis.Error
	switch {
	case errors.Is(err, queue.ErrFull), errors.As(err, &refused):
		_ = r.within(func(ctx context.Context) error { // what there is of it, if that can be
			_, err := r.runs.Cancel(ctx, r.name)
			return err
		})
	case errors.As(err, &dial) && dial.Op == "dial":
	default:
		return fmt.Errorf("run %s may have started, see worker mapreduce status: %w", r.name, r.about(err))
	}
	return r.about(err)
}

// attach prints the result of a run that somebody has started.
func (s session) attach(ctx context.Context, c config.AttachRun) error {
	r := run{session: s, Printed: c.Printed, runs: s.runs(), name: c.Run}
	now, err := r.look()
	if err != nil {
		return err
	}
	if now.Spec.Ordered && (c.JSON || c.CSV) {
		return fmt.Errorf("run %s puts out lines as they are, and --json or --csv is given", r.name)
	}
	return r.see(ctx, now.Spec.Ordered)
}

// see waits for a run, and prints its result.
func (r run) see(ctx context.Context, ordered bool) error {
	if onScreen(r.Err) && !(ordered && terminal(r.Out)) {
		r.line = &lastLine{to: r.Err}
		r.Err = r.line
		defer r.line.clear()
	}
	if ordered {
		return r.follow(ctx)
	}
	now, err := r.watch(ctx)
	if err != nil {
		return r.left(ctx, err, "")
	}
	if now.State != mapreduce.Done {
		return r.ended(now.State, now.Error)
	}
	return r.result(ctx, now)
}

// left is the error with which a command leaves its run, when err has ended it. What is to
// be known of attaching is in more.
func (r run) left(ctx context.Context, err error, more string) error {
	over, isOver := errors.AsType[*mapreduce.EndedError](err)
	attach := fmt.Sprintf("worker mapreduce attach %s%s, or cancel %s", r.name, more, r.name)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("run %s goes on: %s", r.name, attach)
	case isOver:
		return r.ended(over.State, over.Why)
	case passes(err):
		return fmt.Errorf("run %s may go on, %s: %w", r.name, attach, r.about(err))
	}
	return r.wrong(err)
}

// ended is the error about a run that is over without a result.
func (r run) ended(state mapreduce.State, why string) error {
	if state == mapreduce.Cancelled {
		return fmt.Errorf("run %s was cancelled", r.name)
	}
	return fmt.Errorf("run %s %s: %s", r.name, state, printable(why))
}

// wrong is an error about the run, or Redis's, which names the option.
func (r run) wrong(err error) error {
	var said redis.Error
	if passes(err) || errors.As(err, &said) {
		return r.about(err)
	}
	return fmt.Errorf("run %s: %w", printable(r.name), err)
}

// look asks how far the run is.
func (r run) look() (now mapreduce.Status, err error) {
	if err = r.within(func(ctx context.Context) (err error) {
		now, err = r.runs.Status(ctx, r.name)
		return err
	}); err != nil {
		err = r.wrong(err)
	}
	return now, err
}

// cancelRun ends a run.
func (s session) cancelRun(c config.CancelRun) error {
	r, did := run{session: s, runs: s.runs(), name: c.Run}, false
	if err := s.within(func(ctx context.Context) (err error) {
		did, err = r.runs.Cancel(ctx, c.Run)
		return err
	}); err != nil {
		return r.wrong(err)
	}
	is := "is cancelled"
	if !did {
		is = "had failed or was cancelled before"
	}
	_, err := fmt.Fprintf(s.Out, "run %s %s\n", c.Run, is)
	return err
}

// runs are all runs.
func (s session) runs() *mapreduce.Runs { return mapreduce.NewRuns(s.redis) }
