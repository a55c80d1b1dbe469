//go:build servers

package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	consul "github.com/hashicorp/consul/api"
)

// How long it takes from Consul saying passing to an instance's first request. A
// figure, not a verdict: machines differ.
func TestFigureFirstRequestOfANewInstance(t *testing.T) {
	const instances = 20
	e, _ := all.startProxy(t, "--consul-addr="+local(all.ports.consul), "--service=fresh")

	ctx, end := context.WithCancel(context.Background())
	var clients sync.WaitGroup
	defer clients.Wait()
	defer end()
	for range 4 {
		clients.Go(func() {
			for ctx.Err() == nil {
				if res, err := http.Get(e.url); err == nil {
					_ = res.Body.Close()
				}
			}
		})
	}

	passing := make(chan string, instances) // IDs, as soon as Consul says so
	clients.Go(func() {
		seen := map[string]bool{}
		for index := uint64(0); ; {
			o := (&consul.QueryOptions{WaitIndex: index, WaitTime: time.Minute}).WithContext(ctx)
			entries, meta, err := all.consul.Health().Service("fresh", "", true, o)
			if err != nil {
				return
			}
			index = meta.LastIndex
			for _, entry := range entries {
				if !seen[entry.Service.ID] {
					seen[entry.Service.ID] = true
					passing <- entry.Service.ID
				}
			}
		}
	})

	var sincePassing, sinceRegistered []time.Duration
	for n := range instances {
		first := make(chan time.Time, 1)
		instance := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			select {
			case first <- time.Now():
			default:
			}
		}))
		t.Cleanup(instance.Close)
		host, port, _ := net.SplitHostPort(instance.Listener.Addr().String())
		number, _ := strconv.Atoi(port)
		id := fmt.Sprintf("fresh-%d", n)
		if err := all.consul.Agent().ServiceRegister(&consul.AgentServiceRegistration{ID: id, Name: "fresh", Address: host, Port: number}); err != nil {
			t.Fatal(err)
		}
		registered := time.Now()
		t.Cleanup(func() { _ = all.consul.Agent().ServiceDeregister(id) })
		for said := ""; said != id; {
			select {
			case said = <-passing:
			case <-time.After(patience):
				t.Fatalf("Consul does not say that instance %d is passing", n)
			}
		}
		listed := time.Now()
		select {
		case at := <-first: // the proxy may have heard of it before we did
			sincePassing = append(sincePassing, max(at.Sub(listed), 0))
			sinceRegistered = append(sinceRegistered, max(at.Sub(registered), 0))
		case <-time.After(patience):
			t.Fatalf("instance %d got no request", n)
		}
	}
	for what, took := range map[string][]time.Duration{
		"Consul saying passing": sincePassing, "the registering call's return": sinceRegistered,
	} {
		slices.Sort(took)
		t.Logf("FIGURE from %s to the first request, %d instances: median %v, worst %v", what, instances,
			took[len(took)/2].Round(10*time.Microsecond), took[len(took)-1].Round(10*time.Microsecond))
	}
}

// What Consul accepts and nobody can send a request to is a line in the log, and
// the rest goes on.
func TestAnInstanceThatCannotBeReached(t *testing.T) {
	instance := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "well") }))
	defer instance.Close()
	host, port, _ := net.SplitHostPort(instance.Listener.Addr().String())
	number, _ := strconv.Atoi(port)
	for _, r := range []*consul.AgentServiceRegistration{
		{ID: "odd-1", Name: "odd", Address: host, Port: number},
		{ID: "odd-2", Name: "odd", Address: "127.0.0.1", Port: 0},
		{ID: "odd-3", Name: "odd", Address: "not an address", Port: 80},
	} {
		if err := all.consul.Agent().ServiceRegister(r); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = all.consul.Agent().ServiceDeregister(r.ID) }()
	}
	e, p := all.startProxy(t, "--consul-addr="+local(all.ports.consul), "--service=odd")
	e.awaitReady(t, 1)
	for _, id := range []string{"odd-2", "odd-3"} {
		if line, err := p.out.find(id); err != nil {
			t.Error(err)
		} else {
			t.Log(line)
		}
	}
	res, err := http.Get(e.url)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("got %v, %v", res, err)
	}
	_ = res.Body.Close()
}
