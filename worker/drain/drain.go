// Package drain ends a process so that nobody who relied on it notices: first it
// lets everyone know, then it waits until they do, and only then it stops.
package drain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"
)

// callTimeout bounds each call to the membership, so that a registry that does not
// answer cannot hold up the end.
const callTimeout = time.Second

// ErrDraining is why a process that is about to end is not ready.
var ErrDraining = errors.New("draining")

// Membership is a process's entry in a registry that brings it its work.
type Membership interface {
	// Leave makes the registry send nothing more.
	Leave(ctx context.Context) error
	// Deregister takes the entry out.
	Deregister(ctx context.Context) error
}

// Server is what does the work. [http.Server] is one.
type Server interface {
	// Shutdown takes on nothing new and returns when what runs has ended.
	Shutdown(ctx context.Context) error
	// Close cuts off what still runs.
	Close() error
}

// Drain is the end of one process. The zero value waits for nothing; set Delay and
// Timeout before use.
type Drain struct {
	// Delay is how long the process keeps serving after it stopped being ready: the
	// time that others may take to notice.
	Delay time.Duration
	// Timeout is how long what runs may take to finish after that.
	Timeout time.Duration
	// Membership is left on the way, where there is one.
	Membership Membership
	// Log is told each step.
	Log *slog.Logger

	draining atomic.Bool
}

// Ready returns ErrDraining once Run was called, before that nil.
func (d *Drain) Ready() error {
	if d.draining.Load() {
		return ErrDraining
	}
	return nil
}

// Announce has next's answers carry "Connection: close" (RFC 9112 9.6) during the
// delay. Turning keep-alive off in [http.Server] would instead close idle connections
// at once, on which a request may be on its way.
func (d *Drain) Announce(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// Run drains: not ready any more and leave, wait for the delay, deregister, shut the
// server down within the timeout, else close it. Leaving and deregistering have a
// second each, the first within the delay if that is as long: a drain takes
// max(Delay, 1 s) + 1 s + Timeout at most. When ctx ends it closes the server at once.
// An error means that something may have been cut off, and wraps the context's cause.
func (d *Drain) Run(ctx context.Context, server Server) error {
	d.draining.Store(true)
	d.Log.Info("draining", "delay", d.Delay.String(), "timeout", d.Timeout.String())
	delay := time.NewTimer(d.Delay)
	defer delay.Stop()
	if d.Membership != nil {
		d.call(ctx, "leave", d.Membership.Leave)
	}
	select {
	case <-delay.C:
	case <-ctx.Done():
		_ = server.Close()
		return fmt.Errorf("drain: cut short: %w", context.Cause(ctx))
	}
	if d.Membership != nil {
		d.call(ctx, "deregister", d.Membership.Deregister)
	}
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		_ = server.Close()
		return fmt.Errorf("drain: what was still running is cut off: %w", cmp.Or(context.Cause(ctx), err))
	}
	d.Log.Info("drained")
	return nil
}

func (d *Drain) call(ctx context.Context, what string, do func(context.Context) error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := do(ctx); err != nil {
		d.Log.Warn("draining without the registry", "step", what, "error", err)
	}
}
