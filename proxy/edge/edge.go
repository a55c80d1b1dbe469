// Package edge is where clients arrive: it accepts, bounds and times what they
// send, and drains when the proxy is asked to end.
package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"formation/proxy/conn"
	"formation/proxy/forward"
)

// Options bound a Server. Durations are used as they are; 0 means no bound, and no wait
// for the drain's two.
type Options struct {
	HeaderTimeout  time.Duration  // for a request's head, from its first byte
	IdleTimeout    time.Duration  // for the next request on a connection
	MaxHeaderBytes int            // of a request's head
	MaxConnections int            // open at the same time; more are refused
	TrustedProxies []netip.Prefix // whose forwarding fields are believed
	DrainDelay     time.Duration  // from the signal until no more is accepted
	DrainTimeout   time.Duration  // for what runs then
	Sweeper        *conn.Sweeper  // has to run for as long as the server
	Log            *slog.Logger
}

// Server serves the clients of one listener.
type Server struct {
	Options
	forwarder *forward.Forwarder

	draining atomic.Bool // clients are asked to leave
	ending   atomic.Bool // idle connections end
	over     atomic.Bool // all do
	accepted atomic.Uint64
	refused  atomic.Uint64
	refusing atomic.Int64

	running sync.WaitGroup
	mu      sync.Mutex
	clients map[*client]struct{}
}

// New returns a server whose exchanges f carries out.
func New(f *forward.Forwarder, o Options) *Server {
	return &Server{Options: o, forwarder: f, clients: map[*client]struct{}{}}
}

// Draining reports whether the server has been asked to end.
func (s *Server) Draining() bool { return s.draining.Load() }

// Connections are the clients' connections: how many are open, and how many were
// accepted and refused since the start.
func (s *Server) Connections() (open int64, accepted, refused uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(len(s.clients)), s.accepted.Load(), s.refused.Load()
}

// Serve accepts connections on l until ctx ends and then drains: it goes on for the
// drain delay, stops accepting, and gives what runs the drain timeout. It returns after
// all connections were closed; nil unless accepting failed or the time was not enough.
// It takes ownership of l.
func (s *Server) Serve(ctx context.Context, l Listener) error {
	defer l.Close()
	failed := make(chan error, 1)
	go func() { failed <- s.accept(l) }()
	select {
	case err := <-failed:
		s.cut()
		return fmt.Errorf("accept: %w", err)
	case <-ctx.Done():
	}

	s.draining.Store(true)
	delay := time.NewTimer(s.DrainDelay)
	defer delay.Stop()
	select {
	case err := <-failed:
		s.cut()
		return fmt.Errorf("accept: %w", err)
	case <-delay.C:
	}
	for _, c := range l.end() {
		s.admit(c)
	}
	_ = l.Close() // also where accepting fails for other reasons by now
	s.Log.Debug("nobody is accepted any more", "error", <-failed)
	return s.drain()
}

// accept takes clients until l ends. Other errors pass (accept(2)): a client has gone
// already, or something is missing that comes back.
func (s *Server) accept(l Listener) error {
	const first, longest = 5 * time.Millisecond, time.Second
	for pause := first; ; {
		c, err := l.AcceptTCP()
		switch {
		case err == nil:
			pause = first
			s.admit(c)
		case errors.Is(err, net.ErrClosed), errors.Is(err, syscall.EINVAL):
			return err
		case errors.Is(err, syscall.ECONNABORTED):
		default:
			s.Log.Error("clients have to wait", "error", err)
			time.Sleep(pause)
			pause = min(2*pause, longest)
		}
	}
}

// admit serves a client, or refuses it when there are too many.
func (s *Server) admit(tcp *net.TCPConn) {
	s.accepted.Add(1)
	c, err := s.newClient(tcp)
	if err != nil {
		_ = tcp.Close()
		return
	}
	s.mu.Lock()
	full := len(s.clients) >= s.MaxConnections
	if !full {
		s.clients[c] = struct{}{}
	}
	s.mu.Unlock()
	if !full {
		s.running.Add(1)
		go c.serve()
		return
	}
	s.refused.Add(1)
	if s.refusing.Add(1) <= maxRefusing {
		s.running.Add(1)
		go c.refuse()
		return
	}
	s.refusing.Add(-1)
	c.Close()
}

// maxRefusing is how many clients are told at the same time that there are too many;
// more hear nothing.
const maxRefusing = 256

func (s *Server) newClient(tcp *net.TCPConn) (*client, error) {
	adopted, err := s.Sweeper.Adopt(tcp)
	if err != nil {
		return nil, err
	}
	remote, _ := tcp.RemoteAddr().(*net.TCPAddr)
	addr := remote.AddrPort().Addr().Unmap().WithZone("")
	trusted := slices.ContainsFunc(s.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(addr) })
	c := &client{Client: forward.Client{Conn: adopted, Addr: addr.String(), Trusted: trusted}, server: s, phase: conn.Fresh}
	c.try = c.swiftly
	return c, nil
}

func (s *Server) forget(c *client) {
	c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.clients, c)
}

// silent is how long a connection may take to send its first byte once nothing more is
// accepted; one that was opened in advance and sends nothing is not waited for.
const silent = time.Second

// drain waits for what runs, DrainTimeout at most.
func (s *Server) drain() error {
	s.ending.Store(true)
	done := s.ended()
	s.each(func(c *client) { c.InterruptIn(conn.Idle) })
	patience, timeout := time.NewTimer(silent), time.NewTimer(s.DrainTimeout)
	defer patience.Stop()
	defer timeout.Stop()
	for {
		select {
		case <-done:
			return nil
		case <-patience.C:
			s.each(func(c *client) { c.InterruptIn(conn.Fresh) })
		case <-timeout.C:
			s.cut()
			return fmt.Errorf("drain: exchanges still ran after %v and were cut off", s.DrainTimeout)
		}
	}
}

// cut ends all there is. Clients that wait for a response are told, if they listen.
func (s *Server) cut() {
	s.ending.Store(true)
	s.over.Store(true)
	again := time.NewTicker(silent)
	defer again.Stop()
	for done := s.ended(); ; {
		s.each(func(c *client) { c.Cut() })
		select {
		case <-done:
			return
		case <-again.C:
		}
	}
}

// ended is closed when all connections have ended.
func (s *Server) ended() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	return done
}

func (s *Server) each(do func(*client)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.clients {
		do(c)
	}
}
