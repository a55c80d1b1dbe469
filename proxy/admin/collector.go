package admin

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"formation/proxy/fleet"
	"formation/proxy/record"
)

// The descriptions are values of Prometheus' own that never change.
var (
	descs []*prometheus.Desc // all of them

	exchangesDesc = desc("proxy_exchanges_total", "Exchanges by the class of their response's status and by the last instance tried; none: they reached no instance.", "code", "instance")
	triesDesc     = desc("proxy_tries_total", "Attempts of exchanges on instances by how they ended.", "outcome", "instance")
	brokenDesc    = desc("proxy_exchanges_broken_total", "Exchanges that failed after bytes of them had been sent to an instance.")
	wholeDesc     = desc("proxy_exchange_duration_seconds", "From a request's head to its response's last byte.")
	upstreamDesc  = desc("proxy_upstream_duration_seconds", "Of exchanges, from sending the last try to the head of its response.")
	receivedDesc  = desc("proxy_received_bytes_total", "Bytes from clients, heads included.")
	sentDesc      = desc("proxy_sent_bytes_total", "Bytes to clients, heads included.")

	connectionsDesc = desc("proxy_connections", "Clients' connections that are open.")
	acceptedDesc    = desc("proxy_connections_accepted_total", "Clients' connections accepted.")
	refusedDesc     = desc("proxy_connections_refused_total", "Clients' connections refused because too many were open.")
	droppedDesc     = desc("proxy_access_log_dropped_lines_total", "Lines of the log, the access log's and others, dropped because its output was too slow or failed.")

	instancesDesc = desc("proxy_instances", "Instances by state.", "state")
	claimsDesc    = desc("proxy_instance_claims", "Claims that an instance holds.", "instance", "addr")
	sourceDesc    = desc("proxy_discovery_up", "1 while the source of instances answers, 0 while the last known good set serves.")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	d := prometheus.NewDesc(name, help, labels, nil)
	descs = append(descs, d)
	return d
}

// collector reads what the proxy's parts have counted, and the fleet and the source,
// at each scrape.
type collector struct{ Options }

// Describe is prometheus.Collector's.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range descs {
		ch <- d
	}
}

// Collect is prometheus.Collector's.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(d *prometheus.Desc, n int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
	}

	view, meters := c.Metrics.shown(c.Fleet)
	for id, meter := range meters {
		for class := range meter.exchanges {
			code := "other"
			if class > 0 {
				code = strconv.Itoa(class) + "xx"
			}
			counter(exchangesDesc, meter.exchanges[class].Load(), code, id)
		}
		if id == "" {
			continue // no instance, no tries
		}
		for _, o := range record.Outcomes() {
			counter(triesDesc, meter.tries[o].Load(), o.String(), id)
		}
	}
	sum := c.Metrics.totals.sum()
	counter(brokenDesc, sum.broken)
	counter(receivedDesc, sum.received)
	counter(sentDesc, sum.sent)
	ch <- sum.whole.metric(wholeDesc)
	ch <- sum.upstream.metric(upstreamDesc)

	open, accepted, refused := c.Proxy.Connections()
	gauge(connectionsDesc, open)
	counter(acceptedDesc, accepted)
	counter(refusedDesc, refused)
	counter(droppedDesc, c.Log.Dropped())

	count := map[fleet.State]int64{}
	type series struct{ id, addr string } // an ID may be there twice: moved, and still draining
	claims := map[series]int64{}
	for _, s := range view {
		count[s.State]++
		claims[series{s.ID, s.Addr}] += s.Claims
	}
	for _, state := range fleet.States() {
		gauge(instancesDesc, count[state], string(state))
	}
	for s, n := range claims {
		gauge(claimsDesc, n, s.id, s.addr)
	}
	up := int64(0)
	if r := c.Discovery.report(); r.From != "" && r.Error == "" {
		up = 1
	}
	gauge(sourceDesc, up)
}
