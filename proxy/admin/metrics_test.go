package admin

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"formation/consul/discovery"
	"formation/proxy/fleet"
	"formation/proxy/record"
)

// A Meter has a place for each outcome there is.
func TestOutcomes(t *testing.T) {
	if got := len(record.Outcomes()); got != outcomes {
		t.Errorf("there are %d outcomes, and places for %d", got, outcomes)
	}
	m := NewMetrics().Instance("a")
	for _, o := range record.Outcomes() {
		m.Try(o)
	}
	for o := range m.tries {
		if got := m.tries[o].Load(); got != 1 {
			t.Errorf("%v was counted %d times", record.Outcome(o), got)
		}
	}
}

func TestMetrics(t *testing.T) {
	o := options(fakeFleet{
		status("a", "10.0.0.1:80", fleet.Ready, 2),
		status("a", "10.0.0.2:80", fleet.Draining, 1),
	})
	o.Discovery.Update(discovery.Set{From: "consul"})
	o.Proxy = fakeProxy{open: 3, accepted: 8, refused: 5}
	o.Log = fakeLog(4)

	a := o.Metrics.Instance("a")
	if o.Metrics.Instance("a") != a {
		t.Error("one instance has two meters")
	}
	a.Try(record.ConnectFailed)
	a.Try(record.Answered)
	a.Exchange(&record.Exchange{Status: 200, In: 100, Out: 1000, Took: 250 * time.Microsecond, Upstream: 249 * time.Microsecond})
	a.Try(record.Answered)
	a.Exchange(&record.Exchange{Status: 204, In: 10, Out: 100, Took: 251 * time.Microsecond, Upstream: 251 * time.Microsecond})
	a.Try(record.Broken)
	a.Exchange(&record.Exchange{Status: 502, In: 1, Out: 10, Took: time.Hour, Broken: true})
	none := o.Metrics.Instance("")
	none.Exchange(&record.Exchange{Status: 503, Out: 1, Took: 400 * time.Nanosecond})
	none.Exchange(&record.Exchange{Status: record.StatusClientClosed, Took: 600 * time.Nanosecond})
	none.Exchange(&record.Exchange{Status: 0, Took: -1, In: -1, Out: -1})
	none.Exchange(&record.Exchange{Status: 600})
	want := `
# HELP proxy_access_log_dropped_lines_total Lines of the log, the access log's and others, dropped because its output was too slow or failed.
# TYPE proxy_access_log_dropped_lines_total counter
proxy_access_log_dropped_lines_total 4
# HELP proxy_connections Clients' connections that are open.
# TYPE proxy_connections gauge
proxy_connections 3
# HELP proxy_connections_accepted_total Clients' connections accepted.
# TYPE proxy_connections_accepted_total counter
proxy_connections_accepted_total 8
# HELP proxy_connections_refused_total Clients' connections refused because too many were open.
# TYPE proxy_connections_refused_total counter
proxy_connections_refused_total 5
# HELP proxy_discovery_up 1 while the source of instances answers, 0 while the last known good set serves.
# TYPE proxy_discovery_up gauge
proxy_discovery_up 1
# HELP proxy_exchange_duration_seconds From a request's head to its response's last byte.
# TYPE proxy_exchange_duration_seconds histogram
` + buckets("proxy_exchange_duration_seconds", 5, 6, 7) + `
proxy_exchange_duration_seconds_sum 3600.000502
proxy_exchange_duration_seconds_count 7
# HELP proxy_exchanges_broken_total Exchanges that failed after bytes of them had been sent to an instance.
# TYPE proxy_exchanges_broken_total counter
proxy_exchanges_broken_total 1
# HELP proxy_exchanges_total Exchanges by the class of their response's status and by the last instance tried; none: they reached no instance.
# TYPE proxy_exchanges_total counter
proxy_exchanges_total{code="1xx",instance=""} 0
proxy_exchanges_total{code="2xx",instance=""} 0
proxy_exchanges_total{code="3xx",instance=""} 0
proxy_exchanges_total{code="4xx",instance=""} 1
proxy_exchanges_total{code="5xx",instance=""} 1
proxy_exchanges_total{code="other",instance=""} 2
proxy_exchanges_total{code="1xx",instance="a"} 0
proxy_exchanges_total{code="2xx",instance="a"} 2
proxy_exchanges_total{code="3xx",instance="a"} 0
proxy_exchanges_total{code="4xx",instance="a"} 0
proxy_exchanges_total{code="5xx",instance="a"} 1
proxy_exchanges_total{code="other",instance="a"} 0
# HELP proxy_instance_claims Claims that an instance holds.
# TYPE proxy_instance_claims gauge
proxy_instance_claims{addr="10.0.0.1:80",instance="a"} 2
proxy_instance_claims{addr="10.0.0.2:80",instance="a"} 1
# HELP proxy_instances Instances by state.
# TYPE proxy_instances gauge
proxy_instances{state="draining"} 1
proxy_instances{state="not ready"} 0
proxy_instances{state="ready"} 1
proxy_instances{state="unconfirmed"} 0
# HELP proxy_received_bytes_total Bytes from clients, heads included.
# TYPE proxy_received_bytes_total counter
proxy_received_bytes_total 111
# HELP proxy_sent_bytes_total Bytes to clients, heads included.
# TYPE proxy_sent_bytes_total counter
proxy_sent_bytes_total 1111
# HELP proxy_tries_total Attempts of exchanges on instances by how they ended.
# TYPE proxy_tries_total counter
proxy_tries_total{instance="a",outcome="aborted"} 0
proxy_tries_total{instance="a",outcome="answered"} 2
proxy_tries_total{instance="a",outcome="broken"} 1
proxy_tries_total{instance="a",outcome="connect failed"} 1
proxy_tries_total{instance="a",outcome="connect timeout"} 0
proxy_tries_total{instance="a",outcome="malformed"} 0
proxy_tries_total{instance="a",outcome="timeout"} 0
proxy_tries_total{instance="a",outcome="unsent"} 0
# HELP proxy_upstream_duration_seconds Of exchanges, from sending the last try to the head of its response.
# TYPE proxy_upstream_duration_seconds histogram
` + buckets("proxy_upstream_duration_seconds", 1, 2, 2) + `
proxy_upstream_duration_seconds_sum 0.0005
proxy_upstream_duration_seconds_count 2
`
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collector{o})
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("Prometheus would call them otherwise: %v, %v", problems, err)
	}
}

// buckets are a histogram's lines when first fell into the first bucket, and all but
// the last into the first two.
func buckets(name string, first, second, all int) string {
	text := ""
	n := first
	for _, bound := range bounds {
		text += fmt.Sprintf("%s_bucket{le=\"%v\"} %d\n", name, bound.Seconds(), n)
		n = second
	}
	return text + fmt.Sprintf("%s_bucket{le=\"+Inf\"} %d", name, all)
}

func TestTheMetricsPage(t *testing.T) {
	w := get(options(fakeFleet{}), "/metrics")
	if w.Code != http.StatusOK {
		t.Errorf("status is %d", w.Code)
	}
	for _, want := range []string{"\nproxy_exchanges_broken_total 0\n", "\ngo_goroutines ", "\nprocess_start_time_seconds "} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("does not have %q", want)
		}
	}
}

type noPool struct{}

func (noPool) CloseIdle() {}

// series has each instance's 2xx on the metrics page.
func series(t *testing.T, o Options) map[string]string {
	t.Helper()
	got := map[string]string{}
	for line := range strings.Lines(get(o, "/metrics").Body.String()) {
		if rest, ok := strings.CutPrefix(line, `proxy_exchanges_total{code="2xx",instance="`); ok {
			id, value, _ := strings.Cut(strings.TrimSpace(rest), `"} `)
			got[id] = value
		}
	}
	return got
}

func wantSeries(t *testing.T, o Options, want string) {
	t.Helper()
	if got := fmt.Sprint(series(t, o)); got != want {
		t.Errorf("the series are %s, want %s", got, want)
	}
}

func TestSeriesOfInstancesThatAreGone(t *testing.T) {
	metrics := NewMetrics()
	meters := map[string]*Meter{}
	instances := fleet.New(func(i discovery.Instance) noPool {
		meters[i.ID] = metrics.Instance(i.ID)
		return noPool{}
	})
	o := options(instances)
	o.Metrics = metrics
	at := func(id, addr string) discovery.Instance {
		return discovery.Instance{ID: id, Addr: addr, Weight: 1, Ready: true, Alive: true}
	}
	a, b := at("a", "10.0.0.1:80"), at("b", "10.0.0.2:80")
	ok := &record.Exchange{Status: 200, In: 1}

	instances.Update([]discovery.Instance{a, b})
	meters["a"].Exchange(ok)
	meters["b"].Exchange(ok)
	wantSeries(t, o, "map[:0 a:1 b:1]")

	instances.Update([]discovery.Instance{at("a", "10.0.0.3:80"), b})
	meters["a"].Exchange(ok)
	wantSeries(t, o, "map[:0 a:2 b:1]") // it has moved

	notReady := b
	notReady.Ready, notReady.Alive = false, false
	instances.Update([]discovery.Instance{a, notReady})
	wantSeries(t, o, "map[:0 a:2 b:1]")

	instances.Update([]discovery.Instance{b})
	claimed, claimedOne := instances.Claim()
	if !claimedOne {
		t.Fatal("there is none to claim")
	}
	wantSeries(t, o, "map[:0 b:1]")
	instances.Update(nil)
	wantSeries(t, o, "map[:0 b:1]") // as long as it drains
	old := meters["b"]
	claimed.Release()
	wantSeries(t, o, "map[:0]")
	old.Exchange(ok) // the claim's, a little late
	old.Try(record.Answered)
	wantSeries(t, o, "map[:0]")

	instances.Update([]discovery.Instance{b})
	wantSeries(t, o, "map[:0 b:0]")
	meters["b"].Exchange(ok)
	old.Exchange(ok)
	wantSeries(t, o, "map[:0 b:1]")
	if got := metrics.totals.sum().received; got != 6 {
		t.Errorf("all together received %d bytes, want 6", got)
	}
}

// during has an instance of its own ask for its Meter while the fleet is looked at.
type during struct {
	fakeFleet
	view func()
}

func (d during) View() []fleet.Status {
	d.view()
	return d.fakeFleet
}

func TestAnInstanceThatComesDuringAScrape(t *testing.T) {
	o := options(nil)
	o.Metrics.Instance("new to it")
	o.Metrics.Instance("gone")
	asks := true
	o.Fleet = during{view: func() {
		if asks {
			o.Metrics.Instance("new to it")
			o.Metrics.Instance("new")
		}
	}}
	wantSeries(t, o, "map[:0 new:0 new to it:0]")
	asks = false
	wantSeries(t, o, "map[:0]")
}

func TestMetricsFromManyGoroutines(t *testing.T) {
	o := options(fakeFleet{status("a", "10.0.0.1:80", fleet.Ready, 0)})
	const counting, each = 8, 2000
	var all sync.WaitGroup
	for range counting {
		all.Go(func() {
			for range each {
				m := o.Metrics.Instance("a")
				m.Try(record.Answered)
				m.Exchange(&record.Exchange{Status: 200, In: 1, Took: time.Millisecond})
			}
		})
	}
	for range 10 {
		series(t, o)
	}
	all.Wait()
	wantSeries(t, o, fmt.Sprintf("map[:0 a:%d]", counting*each))
	sum := o.Metrics.totals.sum()
	if sum.received != counting*each || sum.whole.us != 1000*counting*each {
		t.Errorf("received %d bytes in %d µs", sum.received, sum.whole.us)
	}
}

func BenchmarkExchange(b *testing.B) {
	e := record.Exchange{Status: 200, In: 412, Out: 1893, Took: 1234 * time.Microsecond, Upstream: 987 * time.Microsecond}
	b.Run("serial", func(b *testing.B) {
		m := NewMetrics().Instance("a")
		b.ReportAllocs()
		for b.Loop() {
			m.Try(record.Answered)
			m.Exchange(&e)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		m := NewMetrics().Instance("a")
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				m.Try(record.Answered)
				m.Exchange(&e)
			}
		})
	})
}

func BenchmarkScrape(b *testing.B) {
	var f fakeFleet
	metrics := NewMetrics()
	for i := range 1000 {
		id := fmt.Sprintf("_nomad-task-f9dd504f-0000-0000-0000-%012d-group-worker-apps-http", i)
		f = append(f, status(id, "10.0.0.1:80", fleet.Ready, 0))
		metrics.Instance(id)
	}
	o := options(f)
	o.Metrics = metrics
	handler := Handler(o)
	for b.Loop() {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		b.ReportMetric(float64(w.Body.Len()), "bytes")
	}
}
