package main

import (
	"context"
	"errors"
	"time"
)

// maxLine is the longest line that is passed on whole.
const maxLine = 64 << 10

// linger is how long a log has to be silent after its task ended until it is taken
// to be complete: Nomad writes the last lines after it has reported the end.
const linger = time.Second

// logReader is what a tail needs of Nomad; see type nomad.
type logReader interface {
	files(ctx context.Context, l log) ([]file, error)
	read(ctx context.Context, l log, offset int64, follow bool, each func(file int, truncated bool, data []byte) error) error
}

// position is a place in a log that stays right when Nomad deletes old files.
type position struct {
	file   int
	offset int64 // of the next byte to read, within the file
}

// tail reads one log from its start to its end, over broken connections too, and
// pushes each line once.
type tail struct {
	log    log
	reader logReader
	source *source
	follow bool            // until it has ended; otherwise what there is
	ended  <-chan struct{} // closed when the task writes no more
	note   func(format string, args ...any)
	since  time.Time // lines of before are left out
	last   time.Time // the last line's time; at first its allocation's beginning

	at      position
	begun   bool
	lines   splitter
	current bool // what was written before is read: lines are of now
}

// run returns nil when the log is complete, is gone, or the context has ended.
func (t *tail) run(ctx context.Context) error {
	defer t.source.close()
	t.lines.max = maxLine
	var pause backoff
	for {
		before := t.at
		err := t.pass(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			return t.flush(ctx)
		case errors.Is(err, errGone) && (t.isOver() || !t.follow):
			// Never started, or garbage collected.
			return t.flush(ctx)
		case !t.follow:
			return err
		}
		t.source.caughtUp() // whatever it was: the others do not wait for it
		if t.at != before {
			pause.reset()
		}
		if pause.failed() == notable {
			t.note("%s: trying again: %v", t.source.label, err)
		}
		if pause.wait(ctx) != nil {
			return nil
		}
	}
}

// pass reads on to the log's end and, following, from there until the task has
// ended. It returns nil when nothing is left to read.
func (t *tail) pass(ctx context.Context) error {
	for {
		over := t.isOver()
		if err := t.read(ctx, false); err != nil {
			return err
		}
		t.current = true
		t.source.caughtUp()
		if over || !t.follow {
			return nil
		}
		if err := t.readUntilOver(ctx); err != nil {
			return err
		}
	}
}

// readUntilOver follows the log and returns nil when the task has ended and its
// log has been silent for a while.
func (t *tail) readUntilOver(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	silent := errors.New("silent after the end")
	heard := make(chan struct{}, 1)
	done := make(chan struct{})
	defer func() { cancel(nil); <-done }()
	go func() {
		defer close(done)
		select {
		case <-t.ended:
		case <-ctx.Done():
			return
		}
		timer := time.NewTimer(linger)
		defer timer.Stop()
		for {
			select {
			case <-heard:
				timer.Reset(linger)
			case <-timer.C:
				cancel(silent)
				return
			case <-ctx.Done():
				return
			}
		}
	}()
	err := t.read(ctx, true, func() { poke(heard) })
	if errors.Is(context.Cause(ctx), silent) {
		return nil
	}
	if err == nil {
		// Nomad ends a stream that follows when it shuts down.
		err = errors.New("the stream ended")
	}
	return err
}

// read reads on from where the last read ended.
func (t *tail) read(ctx context.Context, follow bool, heard ...func()) error {
	files, err := t.reader.files(ctx, t.log)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return errGone // the task has not started yet, or never did
	}
	offset, lost := t.resume(files)
	if lost {
		t.note("%s: lines were deleted before they were read", t.source.label)
		if err := t.flush(ctx); err != nil {
			return err
		}
	}
	return t.reader.read(ctx, t.log, offset, follow, func(number int, truncated bool, data []byte) error {
		for _, f := range heard {
			f()
		}
		if number != t.at.file || truncated {
			t.at = position{file: number}
		}
		t.at.offset += int64(len(data))
		return t.split(ctx, data)
	})
}

// resume makes the position one that exists and returns it as an offset from the
// beginning of the oldest file, as Nomad wants it. lost says that there were lines
// in between that do not exist any more.
func (t *tail) resume(files []file) (offset int64, lost bool) {
	for _, f := range files {
		if t.begun && f.number == t.at.file && f.size >= t.at.offset {
			return offset + t.at.offset, false
		}
		offset += f.size
	}
	lost, t.begun = t.begun, true
	t.at = position{file: files[0].number}
	return 0, lost
}

func (t *tail) split(ctx context.Context, data []byte) (err error) {
	t.lines.write(data, func(line []byte) {
		if err == nil {
			err = t.push(ctx, line)
		}
	})
	return err
}

// flush pushes a last line that ended without a newline.
func (t *tail) flush(ctx context.Context) (err error) {
	t.lines.flush(func(line []byte) { err = t.push(ctx, line) })
	return err
}

// push gives a line its place: its own time, or, where it has none, its
// predecessor's while it is read from the past, and now otherwise.
func (t *tail) push(ctx context.Context, line []byte) error {
	at, ok := timeOf(line)
	if !ok {
		if at = t.last; t.current {
			at = time.Now()
		}
	}
	t.last = at
	if at.Before(t.since) {
		return nil
	}
	return t.source.push(ctx, at, line)
}

func (t *tail) isOver() bool {
	select {
	case <-t.ended:
		return true
	default:
		return false
	}
}
