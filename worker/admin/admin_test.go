package admin

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestAdmin(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "some_total", Help: "Some."}))
	draining := errors.New("draining")
	cases := []struct {
		name, method, path string
		notReady           error
		status             int
		answer             string
	}{
		{"it is alive", "GET", "/healthz", nil, 200, "alive\n"},
		{"it is alive while it drains", "GET", "/healthz", draining, 200, "alive\n"},
		{"it is ready", "GET", "/readyz", nil, 200, "ready\n"},
		{"it is not ready while it drains", "GET", "/readyz", draining, 503, "draining\n"},
		{"it has metrics", "GET", "/metrics", nil, 200, "some_total 0\n"},
		{"it has nothing else", "GET", "/", nil, 404, "404 page not found\n"},
		{"it changes nothing", "POST", "/healthz", nil, 405, "Method Not Allowed\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			Handler(func() error { return c.notReady }, registry).ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
			if w.Code != c.status || !strings.HasSuffix(w.Body.String(), c.answer) {
				t.Errorf("got %d %q, want %d %q", w.Code, w.Body, c.status, c.answer)
			}
		})
	}
}
