package background

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"formation/worker/queue"
)

// Metrics count what a worker does. Its nil counts nothing.
type Metrics struct {
	handlers map[string]*handlerMetrics
	unknown  *handlerMetrics
	late     prometheus.Counter
	returned prometheus.Counter
}

// handlerMetrics are one handler's.
type handlerMetrics struct {
	jobs    [kept + 1]prometheus.Counter
	seconds prometheus.Observer
}

// NewMetrics registers the metrics of a worker that has these handlers.
func NewMetrics(registry prometheus.Registerer, handlers ...queue.Handler) *Metrics {
	jobs := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "background_attempts_total",
		Help: "Attempts at jobs that have ended, by handler and outcome: done, retried, failed, or interrupted, which goes back.",
	}, []string{"handler", "outcome"})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "background_attempt_seconds",
		Help:    "How long attempts at jobs took, by handler.",
		Buckets: []float64{.0001, .001, .005, .025, .1, .5, 1, 5, 30, 120, 600},
	}, []string{"handler"})
	m := &Metrics{
		handlers: map[string]*handlerMetrics{},
		late: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "background_outcomes_late_total",
			Help: "Outcomes that did not count: another worker had ended the job before.",
		}),
		returned: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "background_handed_back_total",
			Help: "Jobs that this worker handed back: it had to end, the queue was paused, or they had waited in its hand.",
		}),
	}
	registry.MustRegister(jobs, seconds, m.late, m.returned)
	of := func(name string) *handlerMetrics {
		h := &handlerMetrics{seconds: seconds.WithLabelValues(name)}
		for k := range h.jobs {
			h.jobs[k] = jobs.WithLabelValues(name, kind(k).String())
		}
		return h
	}
	for _, h := range handlers {
		m.handlers[h.Name()] = of(h.Name())
	}
	m.unknown = of("unknown")
	return m
}

func (m *Metrics) ended(handler string, k kind, took time.Duration) {
	if m == nil {
		return
	}
	h := m.handlers[handler]
	if h == nil {
		h = m.unknown
	}
	h.jobs[k].Inc()
	h.seconds.Observe(took.Seconds())
}

// uncounted counts outcomes that came late, unless they could not be told at all.
func (m *Metrics) uncounted(n int64, err error) {
	if m != nil && err == nil && n > 0 {
		m.late.Add(float64(n))
	}
}

func (m *Metrics) handedBack(n int64) {
	if m != nil {
		m.returned.Add(float64(n))
	}
}
