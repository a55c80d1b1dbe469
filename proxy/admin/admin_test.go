package admin

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"formation/consul/discovery"
	"formation/proxy/fleet"
)

type fakeProxy struct {
	draining          bool
	open              int64
	accepted, refused uint64
}

func (p fakeProxy) Draining() bool { return p.draining }

func (p fakeProxy) Connections() (open int64, accepted, refused uint64) {
	return p.open, p.accepted, p.refused
}

type fakeLog uint64

func (l fakeLog) Dropped() uint64 { return uint64(l) }

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

func options(f Fleet) Options {
	return Options{Service: "apps", Proxy: fakeProxy{}, Fleet: f, Discovery: &Discovery{}, Metrics: NewMetrics(), Log: fakeLog(0)}
}

func get(o Options, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	Handler(o).ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w
}

func status(id, addr string, state fleet.State, claims int64) fleet.Status {
	return fleet.Status{Instance: discovery.Instance{ID: id, Addr: addr}, State: state, Claims: claims}
}

func TestReadiness(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	one := fakeFleet{status("a", "10.0.0.1:80", fleet.Ready, 0)}
	cases := []struct {
		name     string
		draining bool
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
			o := options(c.fleet)
			o.Proxy = fakeProxy{draining: c.draining}
			if c.heard != nil {
				o.Discovery.Update(*c.heard)
			}
			w := get(o, "/readyz")
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
	w := get(options(fakeFleet{status("a", "10.0.0.1:80", fleet.Draining, 3)}), "/api/fleet")
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
