package discovery

import (
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/consul/api"
)

// serfHealth and check1 are checks of an entry, its node's and its service's.
func serfHealth(status string) *api.HealthCheck {
	return &api.HealthCheck{CheckID: "serfHealth", Name: "Serf Health Status", Status: status}
}

func check1(name, status string) *api.HealthCheck {
	return &api.HealthCheck{CheckID: "id of " + name, Name: name, Status: status, ServiceID: "s1"}
}

func entryOf(checks ...*api.HealthCheck) *api.ServiceEntry {
	return &api.ServiceEntry{
		Node:    &api.Node{Node: "n1", Address: "10.0.0.1"},
		Service: &api.AgentService{ID: "s1", Service: "apps", Port: 8080, Weights: api.AgentWeights{Passing: 1, Warning: 1}},
		Checks:  checks,
	}
}

func TestFromEntryMapsAllFields(t *testing.T) {
	e := entryOf(serfHealth("passing"))
	e.Service.Address = "10.0.0.2"
	e.Service.Weights.Passing = 7
	e.Service.Tags = []string{"blue"}
	e.Service.Meta = map[string]string{"version": "1"}
	got, err := fromEntry(e)
	want := listing{Instance: Instance{
		ID: "n1/s1", Addr: "10.0.0.2:8080", Node: "n1", Weight: 7, Tags: []string{"blue"},
		Meta: map[string]string{"version": "1"}, Ready: true, Alive: true,
	}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestFromEntryTakesTheNodesAddressWhereTheServiceHasNone(t *testing.T) {
	if got, err := fromEntry(entryOf()); err != nil || got.Addr != "10.0.0.1:8080" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestReadyAndAlive(t *testing.T) {
	maintenance := &api.HealthCheck{CheckID: "_service_maintenance:s1", Name: "Service Maintenance Mode", Status: "critical", ServiceID: "s1"}
	nodeMaintenance := &api.HealthCheck{CheckID: "_node_maintenance", Name: "Node Maintenance Mode", Status: "critical"}
	for _, c := range []struct {
		name         string
		checks       []*api.HealthCheck
		ready, alive bool
	}{
		{"no check at all is ready and alive", nil, true, true},
		{"passing", []*api.HealthCheck{serfHealth("passing"), check1("http", "passing")}, true, true},
		{"warning is traffic, and life", []*api.HealthCheck{check1("http", "warning")}, true, true},
		{"one critical check is neither", []*api.HealthCheck{check1("http", "critical")}, false, false},
		{"not ready, but alive", []*api.HealthCheck{check1("alive", "passing"), check1("ready", "critical")}, false, true},
		{"ready says nothing about life", []*api.HealthCheck{check1("alive", "critical"), check1("ready", "passing")}, false, false},
		{"of two liveness checks both have to pass", []*api.HealthCheck{check1("alive", "passing"), check1("alive", "critical")}, false, false},
		{"without one named alive all have to pass", []*api.HealthCheck{check1("a", "passing"), check1("b", "critical")}, false, false},
		{"a node's check named alive is not the service's", []*api.HealthCheck{{Name: "alive", Status: "passing"}, check1("a", "critical")}, false, false},
		{"a dead node", []*api.HealthCheck{serfHealth("critical"), check1("alive", "passing")}, false, false},
		{"a service in maintenance drains, it is not dead", []*api.HealthCheck{maintenance, check1("alive", "passing")}, false, true},
		{"so it is when no check is named alive", []*api.HealthCheck{maintenance, check1("http", "passing")}, false, true},
		{"a node in maintenance drains, it is not dead", []*api.HealthCheck{nodeMaintenance, check1("alive", "passing")}, false, true},
		{"an unknown status is neither", []*api.HealthCheck{check1("a", "?")}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := fromEntry(entryOf(c.checks...))
			if err != nil || got.Ready != c.ready || got.Alive != c.alive {
				t.Errorf("ready %v, alive %v, error %v", got.Ready, got.Alive, err)
			}
			wantMaintenance := len(c.checks) > 0 && (c.checks[0] == maintenance || c.checks[0] == nodeMaintenance)
			if got.maintenance != wantMaintenance {
				t.Errorf("maintenance %v", got.maintenance)
			}
		})
	}
}

func TestWeights(t *testing.T) {
	for _, c := range []struct {
		name             string
		passing, warning int
		status           string
		want             int
		ready            bool
		wrong            string
	}{
		{"passing", 5, 2, "passing", 5, true, ""},
		{"warning", 5, 2, "warning", 2, true, ""},
		{"not ready", 5, 2, "critical", 5, false, ""},
		{"a warning weight of 0 means no traffic", 5, 0, "warning", 1, false, ""},
		{"no weights mean 1", 0, 0, "passing", 1, true, ""},
		{"no weights mean 1 for a warning too", 0, 0, "warning", 1, true, ""},
		{"a negative weight is an error", -1, 1, "passing", 0, false, "passing weight -1"},
		{"a weight too large is an error", 1, 65536, "warning", 0, false, "warning weight 65536"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := entryOf(check1("http", c.status))
			e.Service.Weights = api.AgentWeights{Passing: c.passing, Warning: c.warning}
			got, err := fromEntry(e)
			if got.Weight != c.want || got.Ready != c.ready || (err == nil) != (c.wrong == "") ||
				err != nil && !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("weight %d, ready %v, error %v", got.Weight, got.Ready, err)
			}
		})
	}
}

func TestFromEntriesLeavesOutWhatIsWrong(t *testing.T) {
	bad, good := entryOf(), entryOf()
	bad.Service.ID, bad.Service.Port = "s0", 0
	listed, wrong, err := fromEntries([]*api.ServiceEntry{bad, good, good})
	if err != nil || len(listed) != 1 || listed[0].ID != "n1/s1" {
		t.Errorf("got %+v, %v", listed, err)
	}
	if len(wrong) != 2 || !strings.Contains(wrong["n1/s0"].Error(), "port 0") || !strings.Contains(wrong["n1/s1"].Error(), "twice") {
		t.Errorf("wrong: %v", wrong)
	}
}
