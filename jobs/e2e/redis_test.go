//go:build servers

package e2e

import (
	"bytes"
	"context"
	"net/http"
	"testing"
)

func contains(text []byte, parts ...string) bool {
	for _, p := range parts {
		if !bytes.Contains(text, []byte(p)) {
			return false
		}
	}
	return true
}

func TestRedisStoppedAndStarted(t *testing.T) {
	e := all.web()
	workers(t, 2, e)
	defer workers(t, 1, e)
	_, before := ask(t, e)
	restarts := all.restarts(t, "worker")

	t.Run("its job stopped and run again", func(t *testing.T) {
		if _, _, err := all.nomad.Jobs().Deregister("redis", false, nil); err != nil {
			t.Fatal(err)
		}
		if err := all.await("503 with Retry-After", func(context.Context) (bool, error) {
			res, err := http.Get(e.url)
			if err != nil {
				return false, err
			}
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				before++
			}
			return res.StatusCode == http.StatusServiceUnavailable && res.Header.Get("Retry-After") != "", nil
		}); err != nil {
			t.Fatal(err)
		}
		for range 20 { // it stays so, and no worker leaves
			if res, err := http.Get(e.url); err != nil || res.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("got %v, %v; want 503", res, err)
			} else {
				_ = res.Body.Close()
			}
			if listed, passing, err := all.listed("apps"); listed != 2 || passing != 2 || err != nil {
				t.Errorf("Consul lists %d workers, %d passing (%v); want 2", listed, passing, err)
			}
		}
		if err := all.run("redis", nil); err != nil {
			t.Fatal(err)
		}
		continues(t, e, before)
	})

	t.Run("kill -9", func(t *testing.T) {
		_, before := ask(t, e)
		if err := all.nomad.Allocations().Signal(all.alloc(t, "redis"), nil, "redis", "SIGKILL"); err != nil {
			t.Fatal(err)
		}
		continues(t, e, before)
	})

	if again := all.restarts(t, "worker"); again != restarts {
		t.Errorf("workers were restarted %d times", again-restarts)
	}
	all.awaitListed(t, "apps", 2)
}

// answers reports whether a hit is counted.
func answers(e edge) bool {
	res, err := http.Get(e.url)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// continues waits for hits to be counted again and checks that they go on from
// before; hits that went unanswered may have been counted.
func continues(t *testing.T, e edge, before int) {
	t.Helper()
	unanswered := 0
	if err := all.await("hits to be counted again", func(context.Context) (bool, error) {
		res, err := http.Get(e.url)
		if err != nil {
			return false, err
		}
		defer res.Body.Close()
		if res.StatusCode == http.StatusOK {
			before++ // this one
			return true, nil
		}
		unanswered++
		return false, nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, n := ask(t, e); n <= before || n > before+1+unanswered {
		t.Errorf("the next hit is %d, want %d, or up to %d more that went unanswered", n, before+1, unanswered)
	}
}
