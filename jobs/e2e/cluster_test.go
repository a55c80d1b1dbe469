//go:build servers

package e2e

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	consul "github.com/hashicorp/consul/api"
	nomad "github.com/hashicorp/nomad/api"
)

// patience bounds every wait for an event; none is expected to take as long.
const patience = 2 * time.Minute

// cluster is one Consul and one Nomad agent, with the formation's binaries.
type cluster struct {
	dir   string
	bin   string // the folder of our programs
	input string // the folder of files for map-reduce
	ports struct{ consul, dns, server, serf, nomad, rpc, gossip, web, admin int }

	consulAgent, nomadAgent *process
	consul                  *consul.Client
	nomad                   *nomad.Client
}

// startCluster builds the programs, starts the agents and runs the four jobs.
func startCluster() (*cluster, error) {
	base := os.Getenv("FORMATION_TEST_DIR")
	dir, err := os.MkdirTemp(base, "e2e-")
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir, bin: filepath.Join(dir, "bin"), input: filepath.Join(dir, "input")}
	if err := c.freePorts(); err != nil {
		return c, err
	}
	if err := os.Mkdir(c.input, 0o755); err != nil {
		return c, err
	}
	data := filepath.Join(dir, "data", "redis")
	if err := os.MkdirAll(data, 0o755); err != nil {
		return c, err
	}
	if err := os.Chmod(data, 0o777); err != nil { // whoever a driver runs Redis as
		return c, err
	}
	build := exec.Command("go", "build", "-o", c.bin+"/", "formation/proxy", "formation/worker", "formation/jobs/logs")
	if out, err := build.CombinedOutput(); err != nil {
		return c, fmt.Errorf("build: %w\n%s", err, out)
	}
	if err := c.startConsul(); err != nil {
		return c, err
	}
	if err := c.startNomad(); err != nil {
		return c, err
	}
	for _, job := range []string{"redis", "worker", "background", "web"} {
		if err := c.run(job, nil); err != nil {
			return c, err
		}
	}
	return c, nil
}

// stop ends everything and removes the cluster's folder.
func (c *cluster) stop() {
	if c.nomadAgent != nil {
		for _, job := range []string{"web", "background", "worker", "redis"} {
			_, _, _ = c.nomad.Jobs().Deregister(job, false, nil)
		}
		for _, job := range []string{"web", "background", "worker", "redis"} {
			_ = c.await(job+"'s allocations to end", func(context.Context) (bool, error) {
				n, err := c.running(job)
				return len(n) == 0, err
			})
		}
		c.nomadAgent.stop()
	}
	if c.consulAgent != nil {
		c.consulAgent.stop()
	}
	_ = os.RemoveAll(c.dir)
}

// freePorts picks ports that are free now, below the range that connections get
// theirs from: nothing takes one while its agent is down for a moment.
func (c *cluster) freePorts() error {
	p := &c.ports
	next := 20000 + rand.IntN(10000)
	for _, port := range []*int{&p.consul, &p.dns, &p.server, &p.serf, &p.nomad, &p.rpc, &p.gossip, &p.web, &p.admin} {
		for {
			if next++; next > 32000 {
				return errors.New("no free ports")
			}
			if l, err := net.Listen("tcp", local(next)); err == nil {
				_ = l.Close()
				*port = next
				break
			}
		}
	}
	return nil
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// startConsul starts Consul's agent with an empty memory, on the same ports as before.
func (c *cluster) startConsul() error {
	path, err := exec.LookPath(os.Getenv("FORMATION_CONSUL"))
	if err != nil {
		return fmt.Errorf("FORMATION_CONSUL: %w", err)
	}
	ports := fmt.Sprintf("ports { http = %d\n dns = %d\n server = %d\n serf_lan = %d }",
		c.ports.consul, c.ports.dns, c.ports.server, c.ports.serf)
	c.consulAgent, err = launch(path, nil, "agent", "-dev", "-config-file", "../../consul/agent/dev.hcl", "-hcl", ports)
	if err != nil {
		return err
	}
	c.consul, err = consul.NewClient(&consul.Config{Address: local(c.ports.consul)})
	if err != nil {
		return err
	}
	return c.await("Consul to have a leader", func(context.Context) (bool, error) {
		select {
		case <-c.consulAgent.done:
			return false, fmt.Errorf("consul ended: %s", c.consulAgent.out)
		default:
		}
		leader, err := c.consul.Status().Leader()
		return err == nil && leader != "", nil
	})
}

func (c *cluster) startNomad() error {
	path, err := exec.LookPath(os.Getenv("FORMATION_NOMAD"))
	if err != nil {
		return fmt.Errorf("FORMATION_NOMAD: %w", err)
	}
	config := filepath.Join(c.dir, "nomad.hcl")
	text := fmt.Sprintf(`ports {
  http = %d
  rpc  = %d
  serf = %d
}
consul { address = %q }
client {
  min_dynamic_port = 10000
  max_dynamic_port = 19999
  host_volume "formation_bin" { path = %q }
  host_volume "formation_data" { path = %q }
}
`, c.ports.nomad, c.ports.rpc, c.ports.gossip, local(c.ports.consul), c.bin, filepath.Join(c.dir, "data"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	// Tasks find redis-server on the agent's PATH.
	redis, err := exec.LookPath(cmp.Or(os.Getenv("FORMATION_REDIS"), "redis-server"))
	if err != nil {
		return fmt.Errorf("FORMATION_REDIS: %w", err)
	}
	if err := os.Symlink(redis, filepath.Join(c.bin, "redis-server")); err != nil {
		return err
	}
	env := []string{"TMPDIR=" + c.dir, "PATH=" + c.bin + ":" + os.Getenv("PATH")}
	c.nomadAgent, err = launch(path, env, "agent", "-dev", "-config", "../agent/dev.hcl", "-config", config,
		"-meta", "formation_bin="+c.bin, "-meta", "formation_data="+filepath.Join(c.dir, "data"))
	if err != nil {
		return err
	}
	c.nomad, err = nomad.NewClient(&nomad.Config{Address: "http://" + local(c.ports.nomad)})
	if err != nil {
		return err
	}
	return c.await("Nomad to have a node that is ready and knows Consul", func(context.Context) (bool, error) {
		select {
		case <-c.nomadAgent.done:
			return false, fmt.Errorf("nomad ended: %s", c.nomadAgent.out)
		default:
		}
		nodes, _, err := c.nomad.Nodes().List(nil)
		if err != nil || len(nodes) != 1 || nodes[0].Status != "ready" {
			return false, nil
		}
		node, _, err := c.nomad.Nodes().Info(nodes[0].ID, nil)
		return err == nil && node.Attributes["consul.version"] != "", nil
	})
}

// await asks until what is awaited has come, patience at most.
func (c *cluster) await(what string, come func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := come(ctx)
		if ok {
			return nil
		}
		if err != nil {
			return fmt.Errorf("waiting for %s: %w", what, err)
		}
		select {
		case <-ctx.Done():
			return errors.New("waited too long for " + what)
		case <-tick.C:
		}
	}
}
