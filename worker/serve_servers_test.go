//go:build servers

package main

import (
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/consul/api"

	"formation/consul/registration/consultest"
	"formation/worker/redisclient/redistest"
)

func greeting(n int) string {
	return "Hello World I am worker-1! " + strconv.Itoa(n) + " times.\n"
}

func TestHitsGoOnFromWhereTheyWereWhenRedisIsBack(t *testing.T) {
	redis := redistest.New(t)
	w := start(t, "--redis=redis://"+redis.Addr)
	c := client(t)
	for n := 1; n <= 5; n += 2 {
		for i := range 2 {
			if a := get(t, c, w.app, "/"); a.status != "200" || a.text != greeting(n+i) {
				t.Errorf("got %s %q, want %q", a.status, a.text, greeting(n+i))
			}
		}
		if !strings.Contains(get(t, c, w.admin, "/metrics").text, "worker_redis_up 1\n") {
			t.Error("the metrics say that Redis is away")
		}
		redis.Kill()
		for range 50 {
			if a := get(t, c, w.app, "/"); a.status != "503" || a.header.Get("Retry-After") != "1" {
				t.Errorf("without Redis / is %s", a.status)
			}
		}
		for _, path := range []string{"/healthz", "/readyz"} {
			if a := get(t, c, w.admin, path); a.status != "200" {
				t.Errorf("without Redis %s is %s", path, a.status)
			}
		}
		redis.Start(t)
	}
}

// register makes the agent list a server as a ready instance of redis.
func register(t *testing.T, agent *consultest.Agent, id, addr string) {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	if err := agent.Client.Agent().ServiceRegister(&api.AgentServiceRegistration{
		ID: id, Name: "redis", Address: host, Port: number}); err != nil {
		t.Fatal(err)
	}
}

// until repeats a hit until its answer ends in the text, and fails at any answer that is
// neither that nor the one for no Redis.
func until(t *testing.T, w *worker, text string) {
	t.Helper()
	for {
		a := get(t, client(t), w.app, "/")
		if a.text == text {
			return
		}
		if a.status != "503" {
			t.Fatalf("got %s %q, want %q", a.status, a.text, text)
		}
	}
}

func TestItFollowsRedisAndRegistersItself(t *testing.T) {
	agent := consultest.New(t)
	first, second := redistest.New(t), redistest.New(t)
	w := start(t, "--redis=consul://redis", "--consul-addr="+agent.Addr, "--register",
		"--drain-delay=1s")
	agent.Await(t, "apps", "registered without a Redis", consultest.Passing(1))

	register(t, agent, "redis-1", first.Addr)
	until(t, w, greeting(1))
	register(t, agent, "redis-2", second.Addr)
	if a := get(t, client(t), w.app, "/"); a.text != greeting(2) {
		t.Errorf("with two ready: %s %q, want the first one's %q", a.status, a.text, greeting(2))
	}
	first.Kill()
	if err := agent.Client.Agent().ServiceDeregister("redis-1"); err != nil {
		t.Fatal(err)
	}
	until(t, w, greeting(1))
	if entries := agent.Await(t, "apps", "ready all the time", consultest.Passing(1)); entries[0].Service.Address != "127.0.0.1" {
		t.Errorf("registered at %q", entries[0].Service.Address)
	}

	w.signals <- syscall.SIGTERM
	agent.Await(t, "apps", "in maintenance mode", func(entries []*api.ServiceEntry) bool {
		return len(entries) == 1 && entries[0].Checks.AggregatedStatus() == api.HealthMaint
	})
	if a := get(t, client(t), w.app, "/"); a.text != greeting(2) || !a.close {
		t.Errorf("during the delay: %s %q, close %v", a.status, a.text, a.close)
	}
	agent.Await(t, "apps", "deregistered", consultest.Passing(0))
	if err := w.await(t); err != nil {
		t.Errorf("serve returns %v", err)
	}
}

func TestAConsulThatIsGoneDoesNotHoldUpTheEnd(t *testing.T) {
	agent, redis := consultest.New(t), redistest.New(t)
	w := start(t, "--redis=redis://"+redis.Addr, "--consul-addr="+agent.Addr, "--register", "--drain-delay=0s")
	agent.Await(t, "apps", "registered", consultest.Passing(1))
	agent.Kill()
	if a := get(t, client(t), w.app, "/"); a.text != greeting(1) {
		t.Errorf("without Consul / is %s %q", a.status, a.text)
	}
	w.signals <- syscall.SIGTERM
	if err := w.await(t); err != nil {
		t.Errorf("serve returns %v", err)
	}
}
