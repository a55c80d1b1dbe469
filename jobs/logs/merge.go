package main

import (
	"context"
	"slices"
	"sync"
	"time"
)

// The bounds of what a merger holds.
const (
	window   = 500 * time.Millisecond // how long a line waits for an earlier one from elsewhere
	patience = 5 * time.Second        // the same, for a source that still reads what was written before
	maxLines = 4096                   // held for one source
	maxBytes = 512 << 10              // held for one source, one line more at most
)

// merger makes one stream of many. Each source's lines keep their order; across
// sources the line with the earliest time comes first, as far as that can be known
// within the window: a line is released as soon as every source holds one, so that
// nothing earlier can follow, or when it has waited for the window. A source that
// holds all it may shortens the window for everyone instead of growing.
//
// Sources that read what had been written before they were added ("behind") are
// waited for longer, because there is something to wait for: whole histories come
// out in order however fast each is read.
type merger struct {
	mu       sync.Mutex
	sources  []*source     // by age; of equal times the older source's comes first
	released time.Time     // when a line was last released
	finished bool          // no source will be added
	wake     chan struct{} // holds a token when anything above or in a source changed
}

// source is one of the streams, written to by one goroutine.
type source struct {
	m      *merger
	label  string
	held   []entry
	bytes  int
	behind bool
	closed bool
	room   chan struct{} // holds a token when held may have become smaller
}

type entry struct {
	label   string
	text    []byte
	at      time.Time // what it is sorted by
	arrived time.Time
}

func newMerger() *merger { return &merger{wake: make(chan struct{}, 1)} }

// add makes a source, behind until it says otherwise. Call it before finish.
func (m *merger) add(label string) *source {
	s := &source{m: m, label: label, behind: true, room: make(chan struct{}, 1)}
	m.change(func() { m.sources = append(m.sources, s) })
	return s
}

// finish lets run return when all sources have closed and their lines are out.
func (m *merger) finish() { m.change(func() { m.finished = true }) }

func (m *merger) change(f func()) {
	m.mu.Lock()
	f()
	m.mu.Unlock()
	poke(m.wake)
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// push adds a line, whose place is at, and waits while the source holds all it may.
// The error is the context's.
func (s *source) push(ctx context.Context, at time.Time, text []byte) error {
	for {
		full := false
		s.m.change(func() {
			if full = s.full(); !full {
				s.held = append(s.held, entry{s.label, text, at, time.Now()})
				s.bytes += len(text)
			}
		})
		if !full {
			return nil
		}
		select {
		case <-s.room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// caughtUp says that what had been written before has been pushed, or will not be
// for a while: the others need not wait for it.
func (s *source) caughtUp() { s.m.change(func() { s.behind = false }) }

// close says that no more lines come. Those that are held still come out.
func (s *source) close() { s.m.change(func() { s.closed = true }) }

func (s *source) full() bool { return len(s.held) >= maxLines || s.bytes >= maxBytes }

func (s *source) pop() entry {
	e := s.held[0]
	s.held[0] = entry{} // lets the text go
	s.held = s.held[1:]
	s.bytes -= len(e.text)
	poke(s.room)
	return e
}

// run releases lines to emit, one at a time, until finish was called and all is
// out, or until the context ends: then what is held comes out at once. Before it
// waits it calls idle.
func (m *merger) run(ctx context.Context, emit func(entry), idle func()) {
	for {
		m.mu.Lock()
		next, wait := m.next(time.Now(), ctx.Err() != nil)
		var e entry
		if next != nil {
			e = next.pop()
			m.released = time.Now()
		}
		over := next == nil && (ctx.Err() != nil || m.finished && len(m.sources) == 0)
		m.mu.Unlock()

		switch {
		case next != nil:
			emit(e)
			continue
		case over:
			idle()
			return
		}
		idle()
		m.sleep(ctx, wait)
	}
}

// sleep returns when something changed, after wait unless that is 0, or when the
// context ends.
func (m *merger) sleep(ctx context.Context, wait time.Duration) {
	var after <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		after = timer.C
	}
	select {
	case <-m.wake:
	case <-after:
	case <-ctx.Done():
	}
}

// next picks the source whose first line is to be released now. Without one, wait
// is the time after which the answer changes by itself, 0 if it does not.
func (m *merger) next(now time.Time, flush bool) (first *source, wait time.Duration) {
	m.sources = slices.DeleteFunc(m.sources, func(s *source) bool { return s.closed && len(s.held) == 0 })
	var silent, behind, full bool
	for _, s := range m.sources {
		if len(s.held) == 0 {
			silent = true
			behind = behind || s.behind
			continue
		}
		full = full || s.full()
		if first == nil || s.held[0].at.Before(first.held[0].at) {
			first = s
		}
	}
	if first == nil || !silent || flush || full && !behind {
		return first, 0
	}
	due := first.held[0].arrived.Add(window)
	if behind {
		due = first.held[0].arrived
		if m.released.After(due) {
			due = m.released
		}
		due = due.Add(patience)
	}
	if wait = due.Sub(now); wait > 0 {
		return nil, wait
	}
	if behind {
		// Those that had their chance are not waited for again, line by line.
		for _, s := range m.sources {
			s.behind = s.behind && len(s.held) > 0
		}
	}
	return first, 0
}
