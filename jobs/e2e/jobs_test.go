//go:build servers

package e2e

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	consul "github.com/hashicorp/consul/api"
	nomad "github.com/hashicorp/nomad/api"
)

// lease is that of the job background, shorter than usual: tests wait for its end.
const lease = 3 * time.Second

// parse reads a job's spec as `nomad job run` would, with this cluster's ports.
func (c *cluster) parse(job string, vars map[string]string) (*nomad.Job, error) {
	spec, err := os.ReadFile("../" + job + ".nomad.hcl")
	if err != nil {
		return nil, err
	}
	given := map[string]string{
		"web":        fmt.Sprintf("http_port = %d\nadmin_port = %d\nconsul_addr = %q\ndns_addr = %q\n", c.ports.web, c.ports.admin, local(c.ports.consul), local(c.ports.dns)),
		"worker":     fmt.Sprintf("consul_addr = %q\n", local(c.ports.consul)),
		"background": fmt.Sprintf("consul_addr = %q\nlease = %q\nmax_deliveries = 3\ninput_root = %q\n", local(c.ports.consul), lease, c.input),
	}[job]
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		given += fmt.Sprintf("%s = %q\n", name, vars[name])
	}
	return c.nomad.Jobs().ParseHCLOpts(&nomad.JobsParseRequest{JobHCL: string(spec), Variables: given, Canonicalize: true})
}

// run runs a job like `nomad job run -preserve-counts` and waits until it is healthy.
func (c *cluster) run(job string, vars map[string]string) error {
	spec, err := c.parse(job, vars)
	if err != nil {
		return fmt.Errorf("parse %s: %w", job, err)
	}
	res, _, err := c.nomad.Jobs().RegisterOpts(spec, &nomad.RegisterOptions{PreserveCounts: true}, nil)
	if err != nil {
		return fmt.Errorf("run %s: %w", job, err)
	}
	return c.healthy(job, res.EvalID)
}

// scale is `nomad job scale JOB N`; it waits until the deployment succeeded.
func (c *cluster) scale(job string, count int) error {
	res, _, err := c.nomad.Jobs().Scale(job, job, &count, "e2e", false, nil, nil)
	if err != nil {
		return fmt.Errorf("scale %s to %d: %w", job, count, err)
	}
	return c.healthy(job, res.EvalID)
}

// healthy waits for what an evaluation began: its deployment, if it has one, and
// as many running allocations as the job's count.
func (c *cluster) healthy(job, eval string) error {
	return c.await(job+" to be healthy", func(context.Context) (bool, error) {
		e, _, err := c.nomad.Evaluations().Info(eval, nil)
		if err != nil || e.Status != "complete" {
			return false, err
		}
		if len(e.FailedTGAllocs) > 0 {
			return false, fmt.Errorf("nowhere to place it: %+v", e.FailedTGAllocs[job])
		}
		if e.DeploymentID != "" {
			d, _, err := c.nomad.Deployments().Info(e.DeploymentID, nil)
			if err != nil {
				return false, err
			}
			if d.Status != "successful" && d.Status != "running" && d.Status != "pending" {
				return false, fmt.Errorf("its deployment is %s: %s", d.Status, d.StatusDescription)
			}
			if d.Status != "successful" {
				return false, nil
			}
		}
		info, _, err := c.nomad.Jobs().Info(job, nil)
		if err != nil {
			return false, err
		}
		running, err := c.running(job)
		return len(running) == *info.TaskGroups[0].Count, err
	})
}

// running lists a job's allocations that have not ended, oldest first.
func (c *cluster) running(job string) ([]*nomad.AllocationListStub, error) {
	allocs, _, err := c.nomad.Jobs().Allocations(job, true, nil)
	if err != nil {
		return nil, err
	}
	allocs = slices.DeleteFunc(allocs, func(a *nomad.AllocationListStub) bool {
		return a.ClientStatus != "running" && a.ClientStatus != "pending"
	})
	slices.SortFunc(allocs, func(a, b *nomad.AllocationListStub) int {
		return strings.Compare(fmt.Sprint(a.CreateTime, a.ID), fmt.Sprint(b.CreateTime, b.ID))
	})
	return allocs, nil
}

// alloc is one running allocation of a job, whole.
func (c *cluster) alloc(t *testing.T, job string) *nomad.Allocation {
	t.Helper()
	running, err := c.running(job)
	if err != nil || len(running) == 0 {
		t.Fatalf("no running allocation of %s: %v", job, err)
	}
	a, _, err := c.nomad.Allocations().Info(running[0].ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// restarts counts how often a job's running allocations were restarted.
func (c *cluster) restarts(t *testing.T, job string) (n uint64) {
	t.Helper()
	running, err := c.running(job)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range running {
		n += a.TaskStates[job].Restarts
	}
	return n
}

// listed is what Consul lists for a service: how many instances, how many of them passing.
func (c *cluster) listed(service string) (listed, passing int, err error) {
	entries, _, err := c.consul.Health().Service(service, "", false, nil)
	for _, e := range entries {
		if e.Checks.AggregatedStatus() == consul.HealthPassing {
			passing++
		}
	}
	return len(entries), passing, err
}

// awaitListed waits until Consul lists n instances of a service, all passing.
func (c *cluster) awaitListed(t *testing.T, service string, n int) {
	t.Helper()
	if err := c.await(fmt.Sprintf("Consul to list %d passing %s", n, service), func(context.Context) (bool, error) {
		listed, passing, err := c.listed(service)
		return listed == n && passing == n, err
	}); err != nil {
		t.Fatal(err)
	}
}
