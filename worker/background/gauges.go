package background

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"formation/worker/queue"
)

// Gauges tell how a queue is whenever they are asked. While Redis does not answer there
// are none.
type Gauges struct {
	queue   *queue.Queue
	timeout time.Duration

	jobs, oldest, rate, paused, workers, enqueued, done *prometheus.Desc
}

// NewGauges returns a queue's gauges, which wait that long for Redis.
func NewGauges(q *queue.Queue, timeout time.Duration) *Gauges {
	labels := prometheus.Labels{"queue": q.Name()}
	desc := func(name, help string, more ...string) *prometheus.Desc {
		return prometheus.NewDesc("queue_"+name, help, more, labels)
	}
	return &Gauges{
		queue: q, timeout: timeout,
		jobs:     desc("jobs", "Jobs in the queue, by state: waiting, running, delayed, failed.", "state"),
		oldest:   desc("oldest_seconds", "How long the first job that waits has done so."),
		rate:     desc("rate", "Jobs done a second, over the last minute."),
		paused:   desc("paused", "1 while the queue is paused."),
		workers:  desc("workers", "Workers that the queue has heard of lately."),
		enqueued: desc("enqueued_total", "Jobs enqueued since the queue exists."),
		done:     desc("done_total", "Jobs done since the queue exists."),
	}
}

// Describe is prometheus.Collector's.
func (g *Gauges) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.jobs, g.oldest, g.rate, g.paused, g.workers, g.enqueued, g.done} {
		descs <- d
	}
}

// Collect is prometheus.Collector's.
func (g *Gauges) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), g.timeout)
	defer cancel()
	s, err := g.queue.Stats(ctx)
	if err != nil {
		return
	}
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(g.jobs, float64(s.Waiting), "waiting")
	gauge(g.jobs, float64(s.Running), "running")
	gauge(g.jobs, float64(s.Delayed), "delayed")
	gauge(g.jobs, float64(s.Failed), "failed")
	gauge(g.oldest, s.Oldest.Seconds())
	gauge(g.rate, s.Rate)
	paused := 0.0
	if s.Paused {
		paused = 1
	}
	gauge(g.paused, paused)
	gauge(g.workers, float64(s.Workers))
	metrics <- prometheus.MustNewConstMetric(g.enqueued, prometheus.CounterValue, float64(s.Enqueued))
	metrics <- prometheus.MustNewConstMetric(g.done, prometheus.CounterValue, float64(s.Done))
}
