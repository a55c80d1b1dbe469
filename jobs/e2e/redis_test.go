//go:build servers

package e2e

import (
	"bytes"
	"context"
	"math"
	"net/http"
	"testing"
	"time"

	consul "github.com/hashicorp/consul/api"
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
		fewest := watchPassing(t, "apps")
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
		// It stays so, for long enough that every check has run a few times.
		for end := time.Now().Add(4 * time.Second); time.Now().Before(end); {
			res, err := http.Get(e.url)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != http.StatusServiceUnavailable {
				t.Fatalf("got %s without Redis, want 503", res.Status)
			}
		}
		if err := all.run("redis", nil); err != nil {
			t.Fatal(err)
		}
		continues(t, e, before)
		if n := fewest(); n != 2 {
			t.Errorf("without Redis, Consul listed %d passing workers at one time, want always 2", n)
		}
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

// watchPassing follows a service in Consul until the function it returns is called,
// which tells the fewest passing instances that there were at any time.
func watchPassing(t *testing.T, service string) (fewest func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	least := math.MaxInt
	done := make(chan error, 1)
	go func() {
		for index := uint64(0); ; {
			o := (&consul.QueryOptions{WaitIndex: index, WaitTime: time.Minute}).WithContext(ctx)
			entries, meta, err := all.consul.Health().Service(service, "", true, o)
			if err != nil {
				if ctx.Err() != nil {
					err = nil
				}
				done <- err
				return
			}
			index, least = meta.LastIndex, min(least, len(entries))
		}
	}()
	return func() int {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		return least
	}
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
