package drain

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var errConsul = errors.New("consul is away")

// world is all that a drain deals with: it writes down what is asked of it and when.
type world struct {
	drain *Drain
	began time.Time
	steps []string
	hang  string // the step that hangs until its context ends
	fail  bool   // the membership's steps return errConsul
}

func (w *world) step(ctx context.Context, name string) error {
	if w.drain.Ready() == nil {
		name += " while ready"
	}
	w.steps = append(w.steps, name+" "+time.Since(w.began).String())
	if strings.HasPrefix(name, w.hang) && w.hang != "" {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (w *world) Leave(ctx context.Context) error {
	return errors.Join(w.step(ctx, "leave"), w.error())
}

func (w *world) Deregister(ctx context.Context) error {
	return errors.Join(w.step(ctx, "deregister"), w.error())
}

func (w *world) Shutdown(ctx context.Context) error { return w.step(ctx, "shutdown") }

func (w *world) Close() error { return w.step(context.Background(), "close") }

func (w *world) error() error {
	if w.fail {
		return errConsul
	}
	return nil
}

func TestTheOrderOfADrain(t *testing.T) {
	cases := []struct {
		name       string
		hang       string
		fail       bool
		registered bool
		interrupt  time.Duration // when a second signal comes; 0: never
		want       []string
		err        error
	}{
		{name: "it waits, then shuts down", want: []string{"shutdown 3s"}},
		{name: "where it is registered, it leaves at once and deregisters after the delay", registered: true,
			want: []string{"leave 0s", "deregister 3s", "shutdown 3s"}},
		{name: "a registry that says no does not stop it", registered: true, fail: true,
			want: []string{"leave 0s", "deregister 3s", "shutdown 3s"}},
		{name: "leaving may take a second of the delay", registered: true, hang: "leave",
			want: []string{"leave 0s", "deregister 3s", "shutdown 3s"}},
		{name: "deregistering may take a second", registered: true, hang: "deregister",
			want: []string{"leave 0s", "deregister 3s", "shutdown 4s"}},
		{name: "what does not finish in time is cut off", hang: "shutdown",
			want: []string{"shutdown 3s", "close 18s"}, err: context.DeadlineExceeded},
		{name: "a second signal during the delay ends it at once", registered: true, interrupt: time.Second,
			want: []string{"leave 0s", "close 1s"}, err: context.Canceled},
		{name: "a second signal while leaving ends it at once", registered: true, hang: "leave", interrupt: 500 * time.Millisecond,
			want: []string{"leave 0s", "close 500ms"}, err: context.Canceled},
		{name: "a second signal during the shutdown ends it at once", hang: "shutdown", interrupt: 5 * time.Second,
			want: []string{"shutdown 3s", "close 5s"}, err: context.Canceled},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &Drain{Delay: 3 * time.Second, Timeout: 15 * time.Second, Log: slog.New(slog.DiscardHandler)}
				w := &world{drain: d, began: time.Now(), hang: c.hang, fail: c.fail}
				if c.registered {
					d.Membership = w
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.interrupt > 0 {
					time.AfterFunc(c.interrupt, cancel)
				}
				err := d.Run(ctx, w)
				if !slices.Equal(w.steps, c.want) {
					t.Errorf("steps are %q, want %q", w.steps, c.want)
				}
				if !errors.Is(err, c.err) {
					t.Errorf("error is %v, want %v", err, c.err)
				}
			})
		})
	}
}

func TestAnswersCarryCloseOnceItDrains(t *testing.T) {
	d := &Drain{Log: slog.New(slog.DiscardHandler)}
	handler := d.Announce(http.NotFoundHandler())
	connection := func() string {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		return w.Header().Get("Connection")
	}
	if got := connection(); got != "" || d.Ready() != nil {
		t.Errorf("before: Connection is %q, Ready %v", got, d.Ready())
	}
	if err := d.Run(t.Context(), &http.Server{}); err != nil {
		t.Fatal(err)
	}
	if got := connection(); got != "close" || !errors.Is(d.Ready(), ErrDraining) {
		t.Errorf("after: Connection is %q, Ready %v", got, d.Ready())
	}
}
