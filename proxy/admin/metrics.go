package admin

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"formation/proxy/fleet"
)

// Metrics counts exchanges; it is forward's Recorder.
type Metrics struct {
	exchanges [6]prometheus.Counter // by the status' first digit; 0: outside 100 to 599
	tries     *prometheus.CounterVec
	broken    prometheus.Counter
}

// NewMetrics registers the proxy's metrics with r: the exchanges', and at each
// scrape the fleet's and the source's.
func NewMetrics(r prometheus.Registerer, f Fleet, d *Discovery) *Metrics {
	auto := promauto.With(r)
	exchanges := auto.NewCounterVec(prometheus.CounterOpts{
		Name: "proxy_exchanges_total",
		Help: "Exchanges by the class of their response's status, the proxy's own responses included.",
	}, []string{"code"})
	m := &Metrics{
		tries: auto.NewCounterVec(prometheus.CounterOpts{
			Name: "proxy_tries_total",
			Help: "Attempts of exchanges on instances by how they ended.",
		}, []string{"outcome"}),
		broken: auto.NewCounter(prometheus.CounterOpts{
			Name: "proxy_exchanges_broken_total",
			Help: "Exchanges that failed after bytes of them had been sent to an instance.",
		}),
	}
	m.exchanges[0] = exchanges.WithLabelValues("other")
	for class := 1; class <= 5; class++ {
		m.exchanges[class] = exchanges.WithLabelValues(strconv.Itoa(class) + "xx")
	}
	r.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&fleetCollector{f, d},
	)
	return m
}

// Exchange counts one by its response's status.
func (m *Metrics) Exchange(status int) {
	class := status / 100
	if class < 1 || class > 5 {
		class = 0
	}
	m.exchanges[class].Inc()
}

// Try counts one by how it ended.
func (m *Metrics) Try(outcome string) { m.tries.WithLabelValues(outcome).Inc() }

// Broken counts an exchange that failed after bytes of it had been sent.
func (m *Metrics) Broken() { m.broken.Inc() }

// fleetCollector reads the fleet and the source at each scrape, so that series of
// instances that are gone end with them.
type fleetCollector struct {
	fleet     Fleet
	discovery *Discovery
}

// The descriptions are values of Prometheus' own that never change.
var (
	instancesDesc = prometheus.NewDesc("proxy_instances", "Instances by state.", []string{"state"}, nil)
	claimsDesc    = prometheus.NewDesc("proxy_instance_claims", "Claims that an instance holds.", []string{"instance", "addr"}, nil)
	sourceDesc    = prometheus.NewDesc("proxy_discovery_up", "1 while the source of instances answers, 0 while the last known good set serves.", nil, nil)
)

// Describe is prometheus.Collector's.
func (c *fleetCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- instancesDesc
	ch <- claimsDesc
	ch <- sourceDesc
}

// Collect is prometheus.Collector's.
func (c *fleetCollector) Collect(ch chan<- prometheus.Metric) {
	count := map[fleet.State]int{}
	type series struct{ id, addr string } // an ID may be there twice: moved, and still draining
	claims := map[series]int64{}
	for _, s := range c.fleet.View() {
		count[s.State]++
		claims[series{s.ID, s.Addr}] += s.Claims
	}
	for _, state := range fleet.States() {
		ch <- prometheus.MustNewConstMetric(instancesDesc, prometheus.GaugeValue, float64(count[state]), string(state))
	}
	for s, n := range claims {
		ch <- prometheus.MustNewConstMetric(claimsDesc, prometheus.GaugeValue, float64(n), s.id, s.addr)
	}
	up := 0.0
	if r := c.discovery.report(); r.From != "" && r.Error == "" {
		up = 1
	}
	ch <- prometheus.MustNewConstMetric(sourceDesc, prometheus.GaugeValue, up)
}
