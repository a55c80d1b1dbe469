// Package admin is the handler of a process's admin listener: health and metrics.
// It has a port of its own, so that none of it can be asked from outside.
package admin

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler answers
//
//   - /healthz: 200, the process is alive
//   - /readyz: 200, or 503 with the reason that notReady gives; nil means ready
//   - /metrics: the registry, for Prometheus
//
// for GET and HEAD. Redis is no part of alive or ready: were it, its every blip would
// take all workers out of Consul together.
func Handler(notReady func() error, registry *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(w, "alive")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := notReady(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintln(w, "ready")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux
}
