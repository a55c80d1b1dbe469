package discovery

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/consul/api"
)

// aliveCheck is the name of a check that says whether an instance lives, apart from
// whether it wants traffic.
const aliveCheck = "alive"

var errNotAnEntry = errors.New("not a list of service entries")

// fromEntries makes listings of what Consul lists, and says what is wrong with the
// entries it left out. An error means that Consul did not write this.
func fromEntries(entries []*api.ServiceEntry) (listed []listing, wrong map[string]error, err error) {
	wrong = make(map[string]error)
	listed = make([]listing, 0, len(entries))
	seen := make(map[string]bool, len(entries))
	for _, e := range entries {
		if e == nil || e.Node == nil || e.Service == nil || slices.Contains(e.Checks, nil) {
			return nil, nil, errNotAnEntry
		}
		l, err := fromEntry(e)
		if err == nil && seen[l.ID] {
			err = errors.New("listed twice, the first one counts")
		}
		if err != nil {
			wrong[entryID(e)] = err
			continue
		}
		seen[l.ID] = true
		listed = append(listed, l)
	}
	return listed, wrong, nil
}

// entryID is unique in a datacenter: a service's ID is unique on its node.
func entryID(e *api.ServiceEntry) string { return e.Node.Node + "/" + e.Service.ID }

func fromEntry(e *api.ServiceEntry) (listing, error) {
	// A service without an address is at its node's.
	host := e.Service.Address
	if host == "" {
		host = e.Node.Address
	}
	addr, err := joinAddr(host, e.Service.Port)
	if err != nil {
		return listing{}, err
	}
	status := e.Checks.AggregatedStatus()
	weight, err := weightOf(e.Service.Weights, status)
	if err != nil {
		return listing{}, err
	}
	l := listing{
		Instance: Instance{
			ID:     entryID(e),
			Addr:   addr,
			Node:   e.Node.Node,
			Weight: max(weight, 1),
			Ready:  (status == api.HealthPassing || status == api.HealthWarning) && weight > 0,
			Alive:  isAlive(e.Checks),
		},
		maintenance: status == api.HealthMaint,
	}
	if len(e.Service.Tags) > 0 {
		l.Tags = e.Service.Tags
	}
	if len(e.Service.Meta) > 0 {
		l.Meta = e.Service.Meta
	}
	return l, nil
}

// weightOf gives the weight an instance has in its state. A warning weight may be 0:
// no traffic while it warns. A passing weight may not, so 0 there means that none
// were given, and Consul's default is 1 for both.
// (Consul's documentation, services configuration reference, "weights")
func weightOf(w api.AgentWeights, status string) (int, error) {
	if w.Passing == 0 {
		w = api.AgentWeights{Passing: 1, Warning: 1}
	}
	name, weight, least := "passing", w.Passing, 1
	if status == api.HealthWarning {
		name, weight, least = "warning", w.Warning, 0
	}
	if weight < least || weight > 65535 {
		return 0, fmt.Errorf("%s weight %d is not between %d and 65535", name, weight, least)
	}
	return weight, nil
}

// isAlive reports whether the liveness checks pass: those of the service that are
// named "alive", or all of the service's where none is. The node's own (serfHealth)
// have to pass too. A check that warns passes: Consul sends traffic there. The
// checks that stand for maintenance mode say nothing about life.
func isAlive(checks api.HealthChecks) bool {
	named := slices.ContainsFunc(checks, func(c *api.HealthCheck) bool {
		return c.ServiceID != "" && c.Name == aliveCheck
	})
	for _, c := range checks {
		switch {
		case c.CheckID == api.NodeMaint || strings.HasPrefix(c.CheckID, api.ServiceMaintPrefix):
		case c.ServiceID != "" && named && c.Name != aliveCheck:
		case c.Status != api.HealthPassing && c.Status != api.HealthWarning:
			return false
		}
	}
	return true
}
