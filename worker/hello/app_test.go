package hello

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// newApp is an app whose hits are counted by add.
func newApp(add Add) (*App, *prometheus.Registry) {
	registry := prometheus.NewRegistry()
	metrics := NewMetrics(registry)
	return NewApp("worker-1", NewCounter(add, time.Second, metrics, slog.New(slog.DiscardHandler)), metrics), registry
}

func TestRequests(t *testing.T) {
	cases := []struct {
		name, method, target string
		body                 io.Reader
		add                  error
		status               int
		answer               string
		counted              int64
		header               map[string]string
	}{
		{name: "a GET of / is a hit", method: "GET", target: "/", status: 200,
			answer: "Hello World I am worker-1! 1 times.\n", counted: 1,
			header: map[string]string{"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"}},
		{name: "a query changes nothing", method: "GET", target: "/?a=b", status: 200,
			answer: "Hello World I am worker-1! 1 times.\n", counted: 1},
		{name: "a POST is a hit", method: "POST", target: "/", body: strings.NewReader("body"), status: 200,
			answer: "Hello World I am worker-1! 1 times.\n", counted: 1},
		{name: "a DELETE is a hit", method: "DELETE", target: "/", status: 200,
			answer: "Hello World I am worker-1! 1 times.\n", counted: 1},
		{name: "an unheard-of method is a hit", method: "BREW", target: "/", status: 200,
			answer: "Hello World I am worker-1! 1 times.\n", counted: 1},
		{name: "another path is none", method: "GET", target: "/favicon.ico", status: 404, answer: "404 page not found\n"},
		{name: "two slashes are another path", method: "GET", target: "//", status: 404, answer: "404 page not found\n"},
		{name: "a body that breaks off is none", method: "POST", target: "/", body: brokenBody{}, status: 400,
			answer: "the request's body cannot be read\n"},
		{name: "a hit that cannot be counted", method: "GET", target: "/", add: errAway, status: 503, counted: 1,
			answer: "the hit cannot be counted at the moment\n", header: map[string]string{"Retry-After": "1"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var counted int64
			app, _ := newApp(func(_ context.Context, n int64) (int64, error) {
				counted += n
				return counted, c.add
			})
			w := httptest.NewRecorder()
			app.ServeHTTP(w, httptest.NewRequest(c.method, c.target, c.body))
			if w.Code != c.status || w.Body.String() != c.answer || counted != c.counted {
				t.Errorf("got %d %q, %d counted", w.Code, w.Body, counted)
			}
			for name, want := range c.header {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		})
	}
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// On a real connection, what net/http adds counts too: a body of HEAD, a body that was
// not read, Expect: 100-continue.
func TestAConnectionIsKeptAfterEveryKindOfHit(t *testing.T) {
	cases := []struct {
		name, method, body string
		header             http.Header
		want               string
	}{
		{"GET", "GET", "", nil, "Hello World I am worker-1! %d times.\n"},
		{"HEAD", "HEAD", "", nil, ""},
		{"POST with a body", "POST", "name=value", nil, "Hello World I am worker-1! %d times.\n"},
		{"POST with the longest body", "POST", strings.Repeat("x", bodyLimit), nil, "Hello World I am worker-1! %d times.\n"},
		{"POST that asks to continue", "POST", "name=value", http.Header{"Expect": {"100-continue"}}, "Hello World I am worker-1! %d times.\n"},
	}
	var sum int64
	app, _ := newApp(func(_ context.Context, n int64) (int64, error) {
		sum += n
		return sum, nil
	})
	server := httptest.NewServer(app)
	defer server.Close()
	client := server.Client()
	connections := make(map[string]bool)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ctx := httptraceConn(t.Context(), connections)
			r, err := http.NewRequestWithContext(ctx, c.method, server.URL, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			for name, values := range c.header {
				r.Header[name] = values
			}
			answer, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			want := c.want
			if want != "" {
				want = fmt.Sprintf(want, i+1)
			}
			if err != nil || answer.StatusCode != 200 || string(text) != want {
				t.Errorf("got %s %q (%v), want %q", answer.Status, text, err, want)
			}
			if answer.ContentLength < int64(len("Hello World I am worker-1! 1 times.\n")) {
				t.Errorf("content length is %d", answer.ContentLength)
			}
		})
	}
	if len(connections) != 1 {
		t.Errorf("%d connections were used, want one", len(connections))
	}
}

func TestRefusedHitsAreCountedByReason(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	answered := make(chan struct{})
	defer close(answered)
	cases := []struct {
		name, reason string
		add          Add
		ctx          context.Context
	}{
		{"Redis says no", "redis", func(context.Context, int64) (int64, error) { return 0, errAway }, t.Context()},
		{"the client leaves", "left", func(context.Context, int64) (int64, error) {
			leave()
			<-answered
			return 1, nil
		}, ctx},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			app, registry := newApp(c.add)
			app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(c.ctx, "GET", "/", nil))
			for reason, n := range refusals(t, registry) {
				if (n == 1) != (reason == c.reason) {
					t.Errorf("%s is %v", reason, n)
				}
			}
		})
	}
}

func TestEveryErrorOfAHitHasAReason(t *testing.T) {
	for want, err := range map[string]error{
		"busy": ErrBusy, "timeout": ErrSlow, "left": context.Canceled,
		"redis": fmt.Errorf("add: %w", errors.New("LOADING")),
	} {
		if got := reason(err); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}

// httptraceConn notes the local addresses of the connections that requests use.
func httptraceConn(ctx context.Context, used map[string]bool) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { used[info.Conn.LocalAddr().String()] = true },
	})
}

// refusals are the counts of worker_hits_refused_total by reason.
func refusals(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counts := make(map[string]float64)
	for _, family := range families {
		if family.GetName() != "worker_hits_refused_total" {
			continue
		}
		for _, metric := range family.GetMetric() {
			counts[metric.GetLabel()[0].GetValue()] = metric.GetCounter().GetValue()
		}
	}
	return counts
}
