//go:build servers

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// edge is a proxy as its clients and operators reach it.
type edge struct{ url, admin string }

// web is the proxy of the job.
func (c *cluster) web() edge {
	return edge{"http://" + local(c.ports.web), "http://" + local(c.ports.admin)}
}

// startProxy starts a proxy beside Nomad; it is stopped with the test.
func (c *cluster) startProxy(t *testing.T, args ...string) (edge, *process) {
	t.Helper()
	p, err := launch(c.bin+"/proxy", nil, append([]string{"--listen=127.0.0.1:0", "--admin=127.0.0.1:0", "--drain-delay=0s"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	line, err := p.out.find(`"msg":"serving"`)
	if err != nil {
		t.Fatal(err)
	}
	var said struct{ Listen, Admin string }
	if err := json.Unmarshal([]byte(line), &said); err != nil {
		t.Fatal(err)
	}
	return edge{"http://" + said.Listen, "http://" + said.Admin}, p
}

// get asks the admin listener.
func (e edge) get(path string) (int, []byte, error) {
	res, err := http.Get(e.admin + path)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res.StatusCode, body, err
}

// states counts the fleet's instances by state.
func (e edge) states() (map[string]int, error) {
	_, body, err := e.get("/api/fleet")
	if err != nil {
		return nil, err
	}
	var said struct{ Instances []struct{ State string } }
	if err := json.Unmarshal(body, &said); err != nil {
		return nil, fmt.Errorf("%s: %w", body, err)
	}
	count := map[string]int{}
	for _, i := range said.Instances {
		count[i.State]++
	}
	return count, nil
}

// awaitReady waits until n instances take requests, all of them confirmed.
func (e edge) awaitReady(t *testing.T, n int) {
	t.Helper()
	var last map[string]int
	if err := all.await("the fleet", func(context.Context) (bool, error) {
		states, err := e.states()
		last = states
		return states["ready"] == n && states["unconfirmed"] == 0, err
	}); err != nil {
		t.Fatalf("want %d ready, have %v: %v", n, last, err)
	}
}

// metric is the value of a metric without labels.
func (e edge) metric(t *testing.T, name string) float64 {
	t.Helper()
	_, body, err := e.get("/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(body)) {
		if text, ok := strings.CutPrefix(line, name+" "); ok {
			value, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				t.Fatal(err)
			}
			return value
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}
