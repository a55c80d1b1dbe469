//go:build servers

// Package consultest runs a real Consul agent for tests.
package consultest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
)

// Agent is an agent in development mode on loopback ports: client and server in one,
// with all it knows in memory.
type Agent struct {
	// Addr is "host:port" of its HTTP API; it stays the same over Kill and Start.
	Addr string
	// Client asks it.
	Client *api.Client

	ports []int // HTTP, server, Serf LAN, Serf WAN
	mu    sync.Mutex
	cmd   *exec.Cmd     // nil while it does not run
	ended chan struct{} // closed when its output has been read to the end
}

// Prepare chooses the ports of an agent that does not run yet.
func Prepare(t testing.TB) *Agent {
	t.Helper()
	a := &Agent{ports: freePorts(4)}
	a.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(a.ports[0]))
	conf := &api.Config{Address: a.Addr, Transport: api.DefaultConfig().Transport}
	client, err := api.NewClient(conf)
	if err != nil {
		t.Fatal(err)
	}
	a.Client = client
	t.Cleanup(func() {
		a.Kill()
		conf.Transport.CloseIdleConnections()
	})
	return a
}

// New starts an agent and returns when it takes registrations. It is killed when the
// test ends. The binary is FORMATION_CONSUL or consul on PATH; a machine without one
// fails the test.
func New(t testing.TB) *Agent {
	t.Helper()
	a := Prepare(t)
	a.Start(t)
	return a
}

// Start starts the agent, after Kill without its memory.
func (a *Agent) Start(t testing.TB) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	binary := os.Getenv("FORMATION_CONSUL")
	if binary == "" {
		binary = "consul"
	}
	port := func(i int) string { return strconv.Itoa(a.ports[i]) }
	cmd := exec.Command(binary, "agent", "-dev", "-node", "test", "-bind", "127.0.0.1", "-log-level", "info",
		"-http-port", port(0), "-server-port", port(1), "-serf-lan-port", port(2), "-serf-wan-port", port(3),
		"-dns-port", "-1", "-grpc-port", "-1", "-grpc-tls-port", "-1")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("start consul: %v", err)
	}
	a.cmd, a.ended = cmd, make(chan struct{})
	ready := make(chan error, 1)
	go func() {
		defer close(a.ended)
		ready <- untilReady(out)
		_, _ = io.Copy(io.Discard, out)
	}()
	if err := <-ready; err != nil {
		a.kill()
		t.Fatalf("start consul: %v", err)
	}
}

// untilReady reads the log up to the line that says that there is a leader and that it
// knows this agent.
func untilReady(log io.Reader) error {
	var said strings.Builder
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "Synced node info") {
			return nil
		}
		said.WriteString(lines.Text() + "\n")
	}
	return fmt.Errorf("it ended:\n%s", &said)
}

// Kill ends the agent as kill -9 does and waits for its end. Without a running agent
// it does nothing.
func (a *Agent) Kill() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kill()
}

func (a *Agent) kill() {
	if a.cmd == nil {
		return
	}
	_ = a.cmd.Process.Kill()
	<-a.ended
	_ = a.cmd.Wait()
	a.cmd = nil
}

// Await returns the service's entries as soon as they are as wanted. It gives the test
// up after a minute.
func (a *Agent) Await(t testing.TB, service, want string, is func([]*api.ServiceEntry) bool) []*api.ServiceEntry {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var index uint64
	for {
		opts := &api.QueryOptions{WaitIndex: index}
		entries, meta, err := a.Client.Health().Service(service, "", false, opts.WithContext(ctx))
		switch {
		case err == nil && is(entries):
			return entries
		case ctx.Err() != nil:
			t.Fatalf("%s: not seen: %s (%v)", service, want, err)
		case err != nil: // it does not run at the moment
			index = 0
			time.Sleep(10 * time.Millisecond)
		default:
			index = meta.LastIndex
		}
	}
}

// Passing is for Await: as many instances, and all that they have passes.
func Passing(n int) func([]*api.ServiceEntry) bool {
	return func(entries []*api.ServiceEntry) bool {
		for _, entry := range entries {
			if entry.Checks.AggregatedStatus() != api.HealthPassing {
				return false
			}
		}
		return len(entries) == n
	}
}

// freePorts are loopback ports below those that the kernel gives to outgoing
// connections, so that none of those takes one while the agent is down.
func freePorts(n int) []int {
	var ports []int
	for len(ports) < n {
		port := 20000 + rand.IntN(10000)
		if listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			_ = listener.Close()
			ports = append(ports, port)
		}
	}
	return ports
}
