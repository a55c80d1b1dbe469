//go:build servers

package e2e

import (
	"context"
	"testing"
)

// workers scales the worker job and waits until Consul and the fleets have it.
func workers(t *testing.T, n int, edges ...edge) {
	t.Helper()
	if err := all.scale("worker", n); err != nil {
		t.Fatal(err)
	}
	all.awaitListed(t, "apps", n)
	for _, e := range edges {
		e.awaitReady(t, n)
	}
}

// Two proxies under load at once: the job's, which watches Consul, and one that
// finds the same workers through DNS.
func TestNothingIsLostWhileWorkersScale(t *testing.T) {
	watching := all.web()
	asking, _ := all.startProxy(t, "--discovery=dns", "--dns-addr="+local(all.ports.dns))
	watching.awaitReady(t, 1)
	asking.awaitReady(t, 1)
	watch, dns := startLoad(t, watching), startLoad(t, asking)
	workers(t, 4, watching, asking)
	workers(t, 1, watching, asking)
	watch.expect(t, "1 → 4 → 1 workers, blocking queries", 0)
	dns.expect(t, "1 → 4 → 1 workers, DNS", 0)
}

func TestNothingIsLostWhileWorkersChange(t *testing.T) {
	e := all.web()
	workers(t, 4, e)
	defer workers(t, 1, e)

	t.Run("a rolling update", func(t *testing.T) {
		l := startLoad(t, e)
		if err := all.run("worker", map[string]string{"version": "rolled"}); err != nil {
			t.Fatal(err)
		}
		all.awaitListed(t, "apps", 4)
		e.awaitReady(t, 4)
		l.expect(t, "a rolling update of 4 workers", 0)
	})

	t.Run("kill -9 of a worker", func(t *testing.T) {
		brokenBefore := e.metric(t, "proxy_exchanges_broken_total")
		restartsBefore := all.restarts(t, "worker")
		l := startLoad(t, e)
		settle(t, l)
		if err := all.nomad.Allocations().Signal(all.alloc(t, "worker"), nil, "worker", "SIGKILL"); err != nil {
			t.Fatal(err)
		}
		if err := all.await("Nomad to restart the worker", func(context.Context) (bool, error) {
			return all.restarts(t, "worker") > restartsBefore, nil
		}); err != nil {
			t.Fatal(err)
		}
		settle(t, l) // Consul may only now notice
		all.awaitListed(t, "apps", 4)
		e.awaitReady(t, 4)
		l.stop()
		broken := int(e.metric(t, "proxy_exchanges_broken_total") - brokenBefore)
		l.expect(t, "kill -9 of one of 4 workers", broken)
		t.Logf("FIGURE kill -9 of one of 4 workers: %d exchanges counted as broken after sending", broken)
	})

	t.Run("an in-place restart of an allocation", func(t *testing.T) {
		restartsBefore := all.restarts(t, "worker")
		l := startLoad(t, e)
		settle(t, l)
		if err := all.nomad.Allocations().Restart(all.alloc(t, "worker"), "worker", nil); err != nil {
			t.Fatal(err)
		}
		if err := all.await("the worker to be restarted", func(context.Context) (bool, error) {
			return all.restarts(t, "worker") > restartsBefore, nil
		}); err != nil {
			t.Fatal(err)
		}
		all.awaitListed(t, "apps", 4)
		e.awaitReady(t, 4)
		l.expect(t, "an in-place restart of one of 4 workers", 0)
	})
}

// settle waits for two seconds' worth of requests more: connections are open
// everywhere then, and checks have run.
func settle(t *testing.T, l *load) {
	t.Helper()
	enough := l.requests() + 2*rate
	if err := all.await("the load to run", func(context.Context) (bool, error) {
		return l.requests() >= enough, nil
	}); err != nil {
		t.Fatal(err)
	}
}
