package hello

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are what the app tells Prometheus.
type Metrics struct {
	answered prometheus.Counter
	refused  *prometheus.CounterVec
	batch    prometheus.Histogram
}

// NewMetrics registers the app's metrics; it panics where they already are.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		answered: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "worker_hits_answered_total",
			Help: "Hits that got a number.",
		}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "worker_hits_refused_total",
			Help: "Hits that got none, by reason: busy (too many were waiting), timeout, " +
				"left (the client went away), redis (it could not be reached or answered with an error).",
		}, []string{"reason"}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "worker_hit_batch_size",
			Help:    "Hits that shared one round trip to Redis.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 14), // 1 to 8192, the most that may wait
		}),
	}
	for _, err := range []error{ErrBusy, ErrSlow, context.Canceled, nil} {
		m.refused.WithLabelValues(reason(err)) // at 0 from the start, so that the first one is an increase
	}
	registry.MustRegister(m.answered, m.refused, m.batch)
	return m
}

// reason is the label for a hit's error.
func reason(err error) string {
	switch {
	case errors.Is(err, ErrBusy):
		return "busy"
	case errors.Is(err, ErrSlow):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "left"
	default:
		return "redis"
	}
}
