// Package admin is what operators and their tools ask the proxy, on a port of its
// own that is never reached through the edge.
package admin

import (
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"formation/consul/discovery"
	"formation/proxy/fleet"
)

// Proxy is what the admin pages tell of.
type Proxy interface {
	Draining() bool
	// Connections tells of clients': how many are open now, and how many were accepted
	// and refused so far.
	Connections() (open int64, accepted, refused uint64)
}

// Fleet is what they tell of it.
type Fleet interface {
	Ready() bool
	View() []fleet.Status
}

// Log is what they tell of the process's log.
type Log interface {
	Dropped() uint64 // lines, so far
}

// Options are what Handler needs, all of them.
type Options struct {
	Service   string // the name of the fleet's service
	Proxy     Proxy
	Fleet     Fleet
	Discovery *Discovery
	Metrics   *Metrics
	Log       Log
}

// Discovery remembers what the source last said. The zero value has heard nothing.
type Discovery struct{ last atomic.Pointer[discovery.Set] }

// Update notes the newest set.
func (d *Discovery) Update(s discovery.Set) { d.last.Store(&s) }

// report is the source's state as people and tools read it.
type report struct {
	From  string    `json:"from"`            // what listed the instances; empty before anything did
	Error string    `json:"error,omitempty"` // why the source does not answer
	Since time.Time `json:"since,omitzero"`  // when that began
}

func (d *Discovery) report() report {
	s := d.last.Load()
	if s == nil {
		return report{}
	}
	r := report{From: s.From, Since: s.Since}
	if s.Err != nil {
		r.Error = s.Err.Error()
	}
	return r
}

// Handler answers /healthz, /readyz, /metrics and /api/fleet.
func Handler(o Options) http.Handler {
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(
		collector{o},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"alive": true})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		status, reason := readiness(o.Proxy, o.Fleet)
		answer(w, status, map[string]any{
			"ready": status == http.StatusOK, "reason": reason, "discovery": o.Discovery.report(),
		})
	})
	mux.HandleFunc("GET /api/fleet", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{
			"service": o.Service, "discovery": o.Discovery.report(), "instances": o.Fleet.View(),
		})
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	return mux
}

func readiness(proxy Proxy, f Fleet) (status int, reason string) {
	switch {
	case proxy.Draining():
		return http.StatusServiceUnavailable, "draining"
	case !f.Ready():
		return http.StatusServiceUnavailable, "no instance to send requests to"
	default:
		return http.StatusOK, "has a fleet"
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client has left; there is nobody to tell
}
