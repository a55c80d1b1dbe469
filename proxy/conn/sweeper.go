package conn

import (
	"context"
	"net"
	"sync"
	"time"
)

// Sweeper ends waits that are over their time. It looks at all connections once in a
// tick, so that bounding a wait costs the one who waits no more than writing down a
// number: no timer, nothing to stop.
type Sweeper struct {
	tick time.Duration

	mu    sync.Mutex
	ring  Conn // its next and prev are the first and last connection
	tasks []func(now int64)
}

// NewSweeper returns a sweeper that looks once in tick.
func NewSweeper(tick time.Duration) *Sweeper {
	s := &Sweeper{tick: tick}
	s.ring.next, s.ring.prev = &s.ring, &s.ring
	return s
}

// Adopt makes a connection of tcp's, which waits without bound until it is armed.
func (s *Sweeper) Adopt(tcp *net.TCPConn) (*Conn, error) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &Conn{tcp: tcp, raw: raw, sweeper: s}
	c.deadline.Store(Never(Now()) &^ 3)
	s.mu.Lock()
	defer s.mu.Unlock()
	c.prev, c.next = s.ring.prev, &s.ring
	c.prev.next, c.next.prev = c, c
	return c, nil
}

func (s *Sweeper) forget(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.next != nil {
		c.prev.next, c.next.prev = c.next, c.prev
		c.prev, c.next = nil, nil
	}
}

// Also has each sweep call task, which must not block.
func (s *Sweeper) Also(task func(now int64)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tasks = append(s.tasks, task)
}

// Run sweeps until ctx ends.
func (s *Sweeper) Run(ctx context.Context) {
	ticker := time.NewTicker(s.tick)
	defer ticker.Stop()
	var w work
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			s.sweep(&w)
		}
	}
}

// work is what a sweep has found, to be done without the sweeper's lock.
type work struct {
	late  []late
	quiet []quiet
	tasks []func(now int64)
}

// late is a connection whose deadline has passed.
type late struct {
	*Conn
	deadline int64
}

func (s *Sweeper) sweep(w *work) {
	now := Now()
	w.late, w.quiet = w.late[:0], w.quiet[:0]
	s.collect(w, now)
	for _, l := range w.late {
		// Who waits for both ends of an exchange is waiting at either of them.
		if peer := l.peer.Load(); l.interrupt(l.deadline) && peer != nil {
			peer.Interrupt()
		}
	}
	for _, q := range w.quiet {
		q.look()
	}
	for _, task := range w.tasks {
		task(now)
	}
	clear(w.late) // or they would keep closed connections
	clear(w.quiet)
}

func (s *Sweeper) collect(w *work, now int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.tasks = s.tasks
	for c := s.ring.next; c != &s.ring; c = c.next {
		d := c.deadline.Load()
		switch {
		case d == interrupted:
		case d < now:
			w.late = append(w.late, late{c, d})
		default:
			if q, ok := c.quiet(d); ok {
				w.quiet = append(w.quiet, q)
			}
		}
		c.seen = d
	}
}
