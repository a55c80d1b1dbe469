package verbs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"time"

	"formation/worker/mapreduce"
)

// follow puts out the lines of an ordered run, while they come.
func (r run) follow(ctx context.Context) error {
	stop := func() {}
	if !terminal(r.Out) {
		stop = r.tell()
	}
	defer stop()
	const again = " puts out its lines again from the first"
	var lines *mapreduce.Lines
	if err := r.patiently(ctx, func() (err error) {
		lines, err = r.runs.Follow(ctx, r.name)
		return err
	}); err != nil {
		return r.left(ctx, err, again)
	}
	for {
		var some []byte
		var end *mapreduce.Status
		if err := r.patiently(ctx, func() (err error) {
			some, end, err = r.next(ctx, lines)
			return err
		}); err != nil {
			return r.left(ctx, err, again)
		}
		if end != nil {
			stop()
			r.summary(*end)
			return nil
		}
		if err := r.put(some); errors.Is(err, syscall.EPIPE) {
			_ = r.patiently(ctx, func() error { // nobody reads on
				_, err := r.runs.Cancel(ctx, r.name)
				return err
			})
			return nil
		} else if err != nil {
			return fmt.Errorf("run %s waits, worker mapreduce attach %s%s: standard output: %w", r.name, r.name, again, err)
		}
	}
}

// tell tells how far the run is, until stop.
func (r run) tell() (stop func()) {
	going, every := newGoing(r), time.Second
	if r.line != nil {
		every = mostLook
	}
	return nowAndThen(every, func() {
		if now, err := r.look(); err == nil && now.State == mapreduce.Running {
			going.saw(now)
		}
	})
}

// next returns the next lines, or how the run has ended.
func (r run) next(ctx context.Context, lines *mapreduce.Lines) ([]byte, *mapreduce.Status, error) {
	some, err := lines.Next(ctx)
	if err != io.EOF {
		return some, nil, err
	}
	end, err := r.runs.Status(ctx, r.name)
	return nil, &end, err
}

// put writes lines as they are, but for a terminal.
func (r run) put(lines []byte) error {
	if !terminal(r.Out) {
		_, err := r.Out.Write(lines)
		return err
	}
	for text := range strings.Lines(string(lines)) {
		if _, err := fmt.Fprintln(r.Out, printable(strings.TrimSuffix(text, "\n"))); err != nil {
			return err
		}
	}
	return nil
}
