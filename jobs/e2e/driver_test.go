//go:build servers

package e2e

import (
	"context"
	"os"
	"testing"
)

// The same jobs isolated, by the driver exec, with the node's folders as volumes. It
// needs root, as Nomad does for that driver; elsewhere the specs at least parse.
func TestTheDriverExec(t *testing.T) {
	isolated := map[string]string{"driver": "exec"}
	for _, job := range []string{"redis", "worker", "background", "web"} {
		if _, err := all.parse(job, isolated); err != nil {
			t.Errorf("%s: %v", job, err)
		}
		if _, err := all.parse(job, map[string]string{"driver": "qemu"}); err == nil {
			t.Errorf("%s takes a driver it cannot run on", job)
		}
	}
	if os.Geteuid() != 0 {
		t.Log("not root: the jobs are not run on exec")
		return
	}
	e := all.web()
	_, before := ask(t, e)
	for _, job := range []string{"redis", "worker", "background"} {
		if err := all.run(job, isolated); err != nil {
			t.Fatal(err)
		}
	}
	e.awaitReady(t, 1)
	continues(t, e, before) // on the file of the one that was not isolated
	for _, job := range []string{"redis", "worker", "background"} {
		if err := all.run(job, nil); err != nil {
			t.Fatal(err)
		}
	}
	e.awaitReady(t, 1)
	if err := all.await("hits to be counted again", func(context.Context) (bool, error) {
		return answers(e), nil
	}); err != nil {
		t.Fatal(err)
	}
}
