package accesslog

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// The buffer is 27 ms of lines of 100,000 exchanges a second, which keep all processors
// busy: the goroutine that writes may be that late. With a quarter of it some percent of
// the lines were dropped.
const (
	size    = 1 << 20               // bytes that wait for the output at most; as many may be on their way
	reserve = 32 << 10              // of them, for lines that are not the access log's
	batch   = 128 << 10             // enough to be written at once
	gather  = 20 * time.Millisecond // how long less than that waits for more
)

// Writer takes whole lines and hands them on in batches. Who writes never waits for
// the output: what finds no room is dropped and counted, a line as a whole. New makes
// one, Close ends it; all methods may be called at the same time.
type Writer struct {
	out     io.Writer
	dropped atomic.Uint64
	wake    chan struct{} // there is a first line, or a batch
	closing chan struct{}
	done    chan struct{}

	mu     sync.Mutex
	lines  []byte // never grows
	closed bool

	// The goroutine's own.
	spare []byte
	torn  bool // the output failed within a line
}

// New returns a Writer onto out, which it alone writes to from then on. It runs until
// Close.
func New(out io.Writer) *Writer {
	w := &Writer{
		out:     out,
		wake:    make(chan struct{}, 1),
		closing: make(chan struct{}),
		done:    make(chan struct{}),
		lines:   make([]byte, 0, size),
		spare:   make([]byte, 0, size),
	}
	go w.run()
	return w
}

// Write takes one or more whole lines, each with its newline at the end. It never
// fails: lines that there is no room for, more than 1 MiB at once among them, and
// lines after Close, are dropped and counted.
func (w *Writer) Write(lines []byte) (int, error) {
	w.put(lines, size)
	return len(lines), nil
}

// put takes lines if they fill the buffer to room at most.
func (w *Writer) put(lines []byte, room int) {
	w.mu.Lock()
	before := len(w.lines)
	after := before + len(lines)
	taken := !w.closed && after <= room
	if taken {
		w.lines = append(w.lines, lines...)
	}
	w.mu.Unlock()
	switch {
	case !taken:
		w.drop(lines)
	case before == 0, before < batch && after >= batch:
		select {
		case w.wake <- struct{}{}:
		default: // it is about to look anyway
		}
	}
}

// Dropped is how many lines were dropped so far: because there was no room, because
// the output failed, or after Close.
func (w *Writer) Dropped() uint64 { return w.dropped.Load() }

func (w *Writer) drop(lines []byte) {
	w.dropped.Add(uint64(bytes.Count(lines, newline)))
}

// Close hands on what is there and ends the Writer; closing it again is fine. It
// returns once the last line was handed on or the output has failed. When ctx ends
// before that the output hangs, which nothing can undo: Close returns an error and
// leaves behind the one goroutine that waits for it.
func (w *Writer) Close(ctx context.Context) error {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.closing)
	}
	w.mu.Unlock()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("log: the output takes no more lines: %w", context.Cause(ctx))
	}
}

func (w *Writer) run() {
	defer close(w.done)
	timer := time.NewTimer(gather)
	defer timer.Stop()
	for {
		select {
		case <-w.wake:
		case <-w.closing: // nothing comes any more
			w.flush()
			return
		}
		if !w.enough() {
			timer.Reset(gather)
			select {
			case <-timer.C:
			case <-w.wake:
			case <-w.closing:
			}
		}
		w.flush()
	}
}

// enough reports whether a batch waits.
func (w *Writer) enough() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.lines) >= batch
}

// flush hands on the lines that wait.
func (w *Writer) flush() {
	w.mu.Lock()
	lines := w.lines
	w.lines = w.spare[:0]
	w.mu.Unlock()
	w.spare = lines
	if len(lines) == 0 {
		return
	}
	if w.torn { // begin on a line of its own
		if _, err := writeAll(w.out, newline); err != nil {
			w.drop(lines)
			return
		}
		w.torn = false
	}
	rest, err := writeAll(w.out, lines)
	if err != nil {
		w.drop(rest)
		if n := len(lines) - len(rest); n > 0 {
			w.torn = lines[n-1] != '\n'
		}
	}
}

var newline = []byte("\n")

// writeAll goes on after short writes. With an error it returns what was not written.
func writeAll(out io.Writer, b []byte) (rest []byte, err error) {
	for len(b) > 0 {
		n, err := out.Write(b)
		b = b[n:]
		switch {
		case err != nil:
			return b, err
		case n == 0:
			return b, io.ErrNoProgress
		}
	}
	return nil, nil
}
