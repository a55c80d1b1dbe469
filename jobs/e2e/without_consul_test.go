//go:build servers

package e2e

import (
	"context"
	"os"
	"testing"
	"time"
)

// A state file of garbage is a line in the log; the proxy starts without it, and
// puts a good one in its place.
func TestAStateFileOfGarbage(t *testing.T) {
	stateFile := t.TempDir() + "/fleet.json"
	if err := os.WriteFile(stateFile, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--consul-addr=" + local(all.ports.consul), "--state-file=" + stateFile}
	e, p := all.startProxy(t, args...)
	line, err := p.out.find("--state-file")
	if err != nil {
		t.Fatal(err)
	}
	t.Log(line)
	e.awaitReady(t, 1)
	p.stop()
	if text, err := os.ReadFile(stateFile); err != nil || !contains(text, `"service"`, `"apps"`) {
		t.Errorf("the state file is now %q, %v", text, err)
	}
}

// It comes last: for a while after it removals are not believed, and tests that wait
// for them would wait.
func TestConsulAwayAndBackWithoutMemory(t *testing.T) {
	e := all.web()
	workers(t, 4, e)
	stateFile := t.TempDir() + "/fleet.json"
	args := []string{"--consul-addr=" + local(all.ports.consul), "--state-file=" + stateFile}
	first, p := all.startProxy(t, args...)
	first.awaitReady(t, 4)
	p.stop() // its last act is to write the file

	l := startLoad(t, e)
	settle(t, l)
	all.consulAgent.stop()
	back := time.NewTimer(20 * time.Second)

	// A proxy that starts now serves from its state file, and says so.
	second, _ := all.startProxy(t, args...)
	if err := all.await("the proxy to be ready without Consul", func(context.Context) (bool, error) {
		status, _, err := second.get("/readyz")
		return status == 200, err
	}); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for range 8 {
		name, _ := ask(t, second)
		names[name] = true
	}
	if len(names) != 4 {
		t.Errorf("from its state file it serves %d workers, want 4", len(names))
	}
	if _, body, err := second.get("/readyz"); err != nil || !contains(body, `"from":"state file"`, `"error":`) {
		t.Errorf("/readyz does not say so: %s %v", body, err)
	}
	if up := second.metric(t, "proxy_discovery_up"); up != 0 {
		t.Errorf("proxy_discovery_up is %v, want 0", up)
	}

	<-back.C
	if err := all.startConsul(); err != nil {
		t.Fatal(err)
	}
	all.awaitListed(t, "apps", 4)
	e.awaitReady(t, 4)
	second.awaitReady(t, 4)
	if up := second.metric(t, "proxy_discovery_up"); up != 1 {
		t.Errorf("proxy_discovery_up is %v with Consul back, want 1", up)
	}
	// So soon after the break removals are not believed yet; nothing is lost by that.
	workers(t, 1, e)
	l.expect(t, "Consul away for 20 s and back without memory, then 4 → 1 workers", 0)
}
