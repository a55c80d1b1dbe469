//go:build servers

package discovery

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
)

// agent is a real Consul, a server and client in one, on ports of its own, that keeps
// nothing on disk: when it is killed, its memory is gone.
type agent struct {
	t         *testing.T
	args      []string
	http, dns string // addresses
	process   *exec.Cmd
	client    *api.Client
}

// startAgent starts the consul that FORMATION_CONSUL names, or that is in PATH.
func startAgent(t *testing.T) *agent {
	t.Helper()
	binary, err := exec.LookPath(cmp.Or(os.Getenv("FORMATION_CONSUL"), "consul"))
	if err != nil {
		t.Fatalf("this test needs Consul: %v", err)
	}
	ports := freePorts(t, 5)
	a := &agent{t: t, http: "127.0.0.1:" + ports[0], dns: "127.0.0.1:" + ports[1]}
	a.args = []string{binary, "agent", "-dev", "-bind=127.0.0.1", "-node=n", "-log-level=warn",
		"-http-port=" + ports[0], "-dns-port=" + ports[1], "-server-port=" + ports[2],
		"-serf-lan-port=" + ports[3], "-serf-wan-port=" + ports[4], "-grpc-port=-1", "-grpc-tls-port=-1"}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	if a.client, err = NewClient(&api.Config{Address: a.http, Transport: transport}); err != nil {
		t.Fatal(err)
	}
	a.start()
	t.Cleanup(a.kill)
	return a
}

func (a *agent) start() {
	a.t.Helper()
	dir := a.t.TempDir()
	out, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		a.t.Fatal(err)
	}
	defer out.Close()
	a.process = exec.Command(a.args[0], a.args[1:]...)
	a.process.Dir, a.process.Stdout, a.process.Stderr = dir, out, out
	a.process.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")}
	if err := a.process.Start(); err != nil {
		a.t.Fatal(err)
	}
	// It has a leader and has registered its own node when its health is to be had.
	ctx, cancel := context.WithTimeout(a.t.Context(), time.Minute)
	defer cancel()
	for {
		checks, _, err := a.client.Health().Node("n", (&api.QueryOptions{}).WithContext(ctx))
		if err == nil && len(checks) > 0 {
			return
		}
		if !sleep(ctx, 20*time.Millisecond) {
			log, _ := os.ReadFile(out.Name())
			a.t.Fatalf("Consul did not start: %v\n%s", err, log)
		}
	}
}

func (a *agent) kill() {
	_ = a.process.Process.Kill()
	_ = a.process.Wait()
}

// register registers an instance as a job would: a liveness and a readiness check.
func (a *agent) register(id string, port int, ready string) {
	a.t.Helper()
	err := a.client.Agent().ServiceRegister(&api.AgentServiceRegistration{
		ID: id, Name: "apps", Address: "127.0.0.1", Port: port,
		Checks: api.AgentServiceChecks{
			{CheckID: id + "-alive", Name: "alive", TTL: "1h", Status: "passing"},
			{CheckID: id + "-ready", Name: "ready", TTL: "1h", Status: ready},
		},
	})
	if err != nil {
		a.t.Fatal(err)
	}
}

func (a *agent) deregister(ids ...string) {
	a.t.Helper()
	for _, id := range ids {
		if err := a.client.Agent().ServiceDeregister(id); err != nil {
			a.t.Fatal(err)
		}
	}
}

// until waits for a set that looks so.
func (r *running) until(want string) {
	r.t.Helper()
	for {
		set := r.next()
		if got := describe(set); got == want {
			return
		} else if testing.Verbose() {
			r.t.Logf("on the way to %q: %q (%v)", want, got, set.Err)
		}
	}
}

func freePorts(t *testing.T, n int) []string {
	t.Helper()
	var ports []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	return ports
}

func TestRealConsul(t *testing.T) {
	a := startAgent(t)
	log := &lines{}
	r := start(t, Watch{Client: a.client, Service: "apps", Hold: hold, Log: log.logger()})
	r.want("consul:")

	a.register("a", 1, "critical")
	r.until("consul: n/a-")
	if err := a.client.Agent().UpdateTTL("a-ready", "", "passing"); err != nil {
		t.Fatal(err)
	}
	r.until("consul: n/a")
	a.register("b", 2, "passing")
	r.until("consul: n/a n/b")

	if err := a.client.Agent().EnableServiceMaintenance("b", ""); err != nil {
		t.Fatal(err)
	}
	r.until("consul: n/a n/b-")
	if err := a.client.Agent().DisableServiceMaintenance("b"); err != nil {
		t.Fatal(err)
	}
	r.until("consul: n/a n/b")

	a.deregister("b") // trusted
	r.until("consul: n/a")
	a.deregister("a") // would empty the fleet
	r.until("consul: n/a?")
	a.register("a", 1, "passing")
	r.until("consul: n/a")
	a.register("b", 2, "passing")
	r.until("consul: n/a n/b")

	a.kill()
	r.until("consul!: n/a n/b")
	a.start()
	began := time.Now()
	r.until("consul: n/a? n/b?")
	t.Logf("answering again %v after the agent was ready", time.Since(began))
	a.register("b", 2, "critical") // as what registers anew starts
	a.register("a", 1, "passing")
	r.until("consul: n/a n/b?")
	if err := a.client.Agent().UpdateTTL("b-ready", "", "passing"); err != nil {
		t.Fatal(err)
	}
	r.until("consul: n/a n/b")
	r.stop()
	r.none()
	t.Logf("log:\n%s", strings.Join(log.with(), "\n"))
}

func TestRealConsulsDNS(t *testing.T) {
	a := startAgent(t)
	r := start(t, DNS{Server: a.dns, Service: "apps", Hold: hold, floor: time.Millisecond})
	r.want("dns:")
	for i := range 100 {
		a.register(fmt.Sprintf("i%d", i), 1000+i, "passing")
	}
	for set := r.next(); len(set.Instances) < 100; set = r.next() {
		if set.Err != nil {
			t.Fatal(set.Err)
		}
	}
	a.deregister("i0")
	if set := r.next(); len(set.Instances) != 99 || set.Instances[0].Addr != "127.0.0.1:1001" {
		t.Errorf("published %s", describe(set))
	}
	a.kill()
	for set := r.next(); set.Err == nil; set = r.next() {
	}
	a.start()
	for set := r.next(); set.Err != nil; set = r.next() {
	}
	a.register("i1", 1001, "passing")
	for set := r.next(); ; set = r.next() {
		if len(set.Instances) != 99 {
			t.Fatalf("published %s", describe(set))
		}
		if set.Instances[0].Ready {
			break
		}
	}
}

// TestRealConsulsNewsArrivesWithinMilliseconds measures what the watch adds to
// Consul's own time: from the agent's answer to a registration to the set that has it.
func TestRealConsulsNewsArrivesWithinMilliseconds(t *testing.T) {
	a := startAgent(t)
	r := start(t, Watch{Client: a.client, Service: "apps", Hold: hold})
	r.want("consul:")
	var whole, after []time.Duration
	for i := range 20 {
		began := time.Now()
		a.register(fmt.Sprintf("i%02d", i), 1000+i, "passing")
		answered := time.Now()
		for set := r.next(); len(set.Instances) <= i || !set.Instances[i].Ready; {
			set = r.next()
		}
		whole = append(whole, time.Since(began))
		after = append(after, max(0, time.Since(answered)))
	}
	slices.Sort(whole)
	slices.Sort(after)
	// Figures, not verdicts: machines differ.
	t.Logf("from the call that registers to the published set: median %v, worst %v", whole[10], whole[19])
	t.Logf("from that call's return: median %v, worst %v", after[10], after[19])
}
