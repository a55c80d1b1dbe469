//go:build servers

package registration

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/consul/api"

	"formation/consul/registration/consultest"
)

// process is what registers: its admin listener, and whether it is ready.
type process struct {
	Service
	notReady atomic.Bool
}

func newProcess(t *testing.T) *process {
	t.Helper()
	p := new(process)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if p.notReady.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p.Service = Service{Service: "apps", Name: "worker-1", Address: "127.0.0.1", Port: 8000,
		Admin: server.Listener.Addr().String()}
	return p
}

func start(t *testing.T, agent *consultest.Agent, p *process) *Registration {
	t.Helper()
	r := Start(agent.Client, p.Service, slog.New(slog.DiscardHandler))
	t.Cleanup(r.Stop)
	return r
}

// checks are an entry's checks of the service by name, with their status.
func checks(entry *api.ServiceEntry) map[string]string {
	statuses := make(map[string]string)
	for _, check := range entry.Checks {
		if check.ServiceID != "" {
			statuses[check.Name] = check.Status
		}
	}
	return statuses
}

// has is for Await: one entry, whose checks of the service are exactly these.
func has(want map[string]string) func([]*api.ServiceEntry) bool {
	return func(entries []*api.ServiceEntry) bool {
		return len(entries) == 1 && fmt.Sprint(checks(entries[0])) == fmt.Sprint(want)
	}
}

func TestALifeWithConsul(t *testing.T) {
	t.Parallel() // they wait for Consul most of the time
	agent := consultest.New(t)
	p := newProcess(t)
	r := start(t, agent, p)

	passing := has(map[string]string{"alive": "passing", "ready": "passing"})
	entry := agent.Await(t, "apps", "registered and passing", passing)[0]
	if s := entry.Service; s.ID != "apps-worker-1-8000" || s.Address != "127.0.0.1" || s.Port != 8000 {
		t.Errorf("registered as %s at %s:%d", s.ID, s.Address, s.Port)
	}
	p.notReady.Store(true)
	agent.Await(t, "apps", "alive but not ready", has(map[string]string{"alive": "passing", "ready": "critical"}))
	p.notReady.Store(false)
	agent.Await(t, "apps", "ready again", passing)

	if err := r.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	agent.Await(t, "apps", "in maintenance mode", has(map[string]string{
		"alive": "passing", "ready": "passing", "Service Maintenance Mode": "critical"}))
	if err := r.Deregister(t.Context()); err != nil {
		t.Fatal(err)
	}
	agent.Await(t, "apps", "gone", consultest.Passing(0))
	if err := r.Deregister(t.Context()); err != nil {
		t.Errorf("deregister what is gone: %v", err)
	}
	if err := r.Leave(t.Context()); err != nil {
		t.Errorf("leave what is gone: %v", err)
	}
}

func TestTheMaintenanceOfALifeBeforeIsOver(t *testing.T) {
	t.Parallel() // they wait for Consul most of the time
	agent := consultest.New(t)
	p := newProcess(t)
	before := start(t, agent, p)
	agent.Await(t, "apps", "registered", consultest.Passing(1))
	if err := before.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	agent.Await(t, "apps", "in maintenance mode", func(entries []*api.ServiceEntry) bool {
		return entries[0].Checks.AggregatedStatus() == api.HealthMaint
	})
	start(t, agent, p)
	agent.Await(t, "apps", "registered anew", has(map[string]string{"alive": "passing", "ready": "passing"}))
}

func TestAnAgentThatForgotIsTold(t *testing.T) {
	t.Parallel() // they wait for Consul most of the time
	agent := consultest.New(t)
	start(t, agent, newProcess(t))
	agent.Await(t, "apps", "registered", consultest.Passing(1))
	agent.Kill()
	agent.Start(t)
	agent.Await(t, "apps", "registered after the restart", consultest.Passing(1))
	if err := agent.Client.Agent().ServiceDeregister("apps-worker-1-8000"); err != nil {
		t.Fatal(err)
	}
	agent.Await(t, "apps", "registered after somebody took it out", consultest.Passing(1))
}

func TestAnOperatorsMaintenanceStays(t *testing.T) {
	t.Parallel() // they wait for Consul most of the time
	agent := consultest.New(t)
	p := newProcess(t)
	r := start(t, agent, p)
	agent.Await(t, "apps", "registered", consultest.Passing(1))
	if err := agent.Client.Agent().EnableServiceMaintenance(p.ID(), "by hand"); err != nil {
		t.Fatal(err)
	}
	if err := r.ensure(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	status, _, err := agent.Client.Agent().AgentHealthServiceByID(p.ID())
	if err != nil || status != api.HealthMaint && status != api.HealthCritical {
		t.Errorf("status is %s (%v), want maintenance", status, err)
	}
}

func TestConsulMayComeLater(t *testing.T) {
	t.Parallel() // they wait for Consul most of the time
	agent := consultest.Prepare(t)
	start(t, agent, newProcess(t))
	agent.Start(t)
	agent.Await(t, "apps", "registered", consultest.Passing(1))
}
