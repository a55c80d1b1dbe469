// Package edge is where clients arrive: it accepts, bounds and times what they
// send, and drains when the proxy is asked to end.
package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/netutil"
)

// Options bound a Server. Every duration is used as it is; 0 means no bound, and
// no wait for the drain's two.
type Options struct {
	HeaderTimeout  time.Duration // for a request's head, from its first byte
	IdleTimeout    time.Duration // for the next request on a connection
	MaxHeaderBytes int           // of a request's head
	MaxConnections int           // open at the same time; more wait in the kernel's queue
	DrainDelay     time.Duration // from the signal until no more is accepted
	DrainTimeout   time.Duration // for what runs then
	Log            *slog.Logger
}

// Server serves a handler on one listener.
type Server struct {
	options  Options
	server   *http.Server
	draining atomic.Bool
	running  sync.WaitGroup // exchanges, tunnels included
	cancel   context.CancelFunc
}

// New returns a server for handler.
func New(handler http.Handler, o Options) *Server {
	s := &Server{options: o}
	base, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.server = &http.Server{
		Handler:           s.counted(handler),
		ReadHeaderTimeout: o.HeaderTimeout,
		IdleTimeout:       o.IdleTimeout,
		MaxHeaderBytes:    o.MaxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	return s
}

// counted counts what runs, and while the server drains asks each client to come
// back on another connection (RFC 9112, 9.6).
func (s *Server) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.running.Add(1)
		defer s.running.Done()
		if s.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// Draining reports whether the server has been asked to end.
func (s *Server) Draining() bool { return s.draining.Load() }

// Serve accepts connections on l until ctx ends and then drains: it goes on for
// the drain delay, stops accepting, and gives what runs the drain timeout. It
// returns after its connections were closed; nil unless accepting failed or the
// time was not enough. It takes ownership of l.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	defer s.cancel()
	if s.options.MaxConnections > 0 {
		l = netutil.LimitListener(l, s.options.MaxConnections)
	}
	failed := make(chan error, 1)
	go func() { failed <- s.server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("accept: %w", err)
	case <-ctx.Done():
	}

	s.draining.Store(true)
	delay := time.NewTimer(s.options.DrainDelay)
	defer delay.Stop()
	select {
	case err := <-failed:
		return fmt.Errorf("accept: %w", err)
	case <-delay.C:
	}
	return s.drain()
}

// drain stops accepting and waits for what runs, DrainTimeout at most.
func (s *Server) drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.options.DrainTimeout)
	defer cancel()
	err := s.server.Shutdown(ctx)
	done := make(chan struct{})
	go func() { // Shutdown does not wait for tunnels
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.cancel() // ends tunnels
	_ = s.server.Close()
	<-done
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("drain: exchanges still ran after %v and were cut off", s.options.DrainTimeout)
	}
	return err
}
