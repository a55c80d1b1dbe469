package admin

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"formation/consul/discovery"
	"formation/proxy/fleet"
)

type fakeProxy bool

func (p fakeProxy) Draining() bool { return bool(p) }

type fakeFleet []fleet.Status

func (f fakeFleet) View() []fleet.Status { return f }

func (f fakeFleet) Ready() bool {
	for _, s := range f {
		if s.State == fleet.Ready || s.State == fleet.Unconfirmed {
			return true
		}
	}
	return false
}

func status(id, addr string, state fleet.State, claims int64) fleet.Status {
	return fleet.Status{Instance: discovery.Instance{ID: id, Addr: addr}, State: state, Claims: claims}
}

func TestReadiness(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	one := fakeFleet{status("a", "10.0.0.1:80", fleet.Ready, 0)}
	cases := []struct {
		name     string
		draining fakeProxy
		fleet    fakeFleet
		heard    *discovery.Set
		code     int
		says     []string
	}{
		{"with a fleet it is ready", false, one, &discovery.Set{From: "consul", Since: at}, 200, []string{`"ready":true`, `"from":"consul"`}},
		{"without one it is not", false, nil, nil, 503, []string{`"ready":false`, "no instance"}},
		{"while it drains it is not", true, one, &discovery.Set{From: "consul"}, 503, []string{`"ready":false`, "draining"}},
		{"from its state file it is ready, and says so", false, one,
			&discovery.Set{From: "state file", Err: errors.New("consul is away"), Since: at}, 200,
			[]string{`"ready":true`, `"from":"state file"`, `"error":"consul is away"`, `"since":"2026-01-02T03:04:05Z"`}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var d Discovery
			if c.heard != nil {
				d.Update(*c.heard)
			}
			w := httptest.NewRecorder()
			Handler("apps", c.draining, c.fleet, &d, prometheus.NewRegistry()).ServeHTTP(w, httptest.NewRequest("GET", "/readyz", nil))
			if w.Code != c.code {
				t.Errorf("status is %d, want %d", w.Code, c.code)
			}
			for _, want := range c.says {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("does not say %s: %s", want, w.Body)
				}
			}
		})
	}
}

func TestTheFleetAsJSON(t *testing.T) {
	var d Discovery
	w := httptest.NewRecorder()
	Handler("apps", fakeProxy(false), fakeFleet{status("a", "10.0.0.1:80", fleet.Draining, 3)}, &d, prometheus.NewRegistry()).
		ServeHTTP(w, httptest.NewRequest("GET", "/api/fleet", nil))
	var got struct {
		Service   string
		Instances []struct {
			ID, Addr, State string
			Claims          int
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Service != "apps" || len(got.Instances) != 1 || got.Instances[0].ID != "a" || got.Instances[0].State != "draining" || got.Instances[0].Claims != 3 {
		t.Errorf("got %+v", got)
	}
}

func TestMetrics(t *testing.T) {
	var d Discovery
	d.Update(discovery.Set{From: "consul"})
	registry := prometheus.NewRegistry()
	f := fakeFleet{
		status("a", "10.0.0.1:80", fleet.Ready, 2),
		status("a", "10.0.0.2:80", fleet.Draining, 1),
	}
	m := NewMetrics(registry, f, &d)
	m.Exchange(200)
	m.Exchange(204)
	m.Exchange(503)
	m.Exchange(0)
	m.Try("answered")
	m.Broken()
	want := `
# HELP proxy_discovery_up 1 while the source of instances answers, 0 while the last known good set serves.
# TYPE proxy_discovery_up gauge
proxy_discovery_up 1
# HELP proxy_exchanges_broken_total Exchanges that failed after bytes of them had been sent to an instance.
# TYPE proxy_exchanges_broken_total counter
proxy_exchanges_broken_total 1
# HELP proxy_exchanges_total Exchanges by the class of their response's status, the proxy's own responses included.
# TYPE proxy_exchanges_total counter
proxy_exchanges_total{code="1xx"} 0
proxy_exchanges_total{code="2xx"} 2
proxy_exchanges_total{code="3xx"} 0
proxy_exchanges_total{code="4xx"} 0
proxy_exchanges_total{code="5xx"} 1
proxy_exchanges_total{code="other"} 1
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
# HELP proxy_tries_total Attempts of exchanges on instances by how they ended.
# TYPE proxy_tries_total counter
proxy_tries_total{outcome="answered"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "proxy_discovery_up", "proxy_exchanges_broken_total",
		"proxy_exchanges_total", "proxy_instance_claims", "proxy_instances", "proxy_tries_total"); err != nil {
		t.Error(err)
	}
}
