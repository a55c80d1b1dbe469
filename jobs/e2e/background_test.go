//go:build servers

package e2e

import (
	"context"
	"strings"
	"testing"
	"time"
)

// backgrounds scales the job background and waits until Consul has it.
func backgrounds(t *testing.T, n int) {
	t.Helper()
	if err := all.scale("background", n); err != nil {
		t.Fatal(err)
	}
	all.awaitListed(t, "background", n)
}

func TestBackgroundLosesNothing(t *testing.T) {
	defer backgrounds(t, 1)

	t.Run("scaling", func(t *testing.T) {
		s := startSupply(t)
		backgrounds(t, 4)
		s.settle(t)
		backgrounds(t, 1)
		s.expectOnce(t, "1 → 4 → 1 instances of background")
	})

	t.Run("rolling", func(t *testing.T) {
		backgrounds(t, 2)
		s := startSupply(t)
		s.settle(t)
		if err := all.run("background", map[string]string{"version": "rolled"}); err != nil {
			t.Fatal(err)
		}
		all.awaitListed(t, "background", 2)
		s.expectOnce(t, "a rolling update of 2 instances of background")
	})

	t.Run("redis", func(t *testing.T) {
		restarts, ofRedis := all.restarts(t, "background"), all.restarts(t, "redis")
		s := startSupply(t)
		s.settle(t)
		if err := all.nomad.Allocations().Restart(all.alloc(t, "redis"), "redis", nil); err != nil {
			t.Fatal(err)
		}
		if err := all.await("Redis to be restarted", func(context.Context) (bool, error) {
			return all.restarts(t, "redis") > ofRedis, nil
		}); err != nil {
			t.Fatal(err)
		}
		s.settle(t)
		s.expect(t, "Redis restarted under 2 instances of background", 0)
		if again := all.restarts(t, "background"); again != restarts {
			t.Errorf("instances of background were restarted %d times", again-restarts)
		}
	})
}

// What an instance had when it was killed, others do, as soon as the lease has run out,
// also while there is plenty of other work.
func TestBackgroundKilled(t *testing.T) {
	backgrounds(t, 2)
	defer backgrounds(t, 1)
	takenOver := len(all.lines(t, "taken over"))
	s := startSupply(t)
	s.settle(t)

	// Too many for one instance alone, and not for both. Those that come first are taken
	// first: when the last is done, both have theirs.
	const long, takes = 18, time.Second
	if err := all.enqueue(long, "--priority=high", "--then=long", "sleep", `{"ms":1000}`); err != nil {
		t.Fatal(err)
	}
	if err := all.enqueue(1, "--priority=high", "--then=last", "echo"); err != nil {
		t.Fatal(err)
	}
	all.awaitQueue(t, "last", "the last job", func(q queue) bool { return q.Waiting > 0 })
	if err := all.nomad.Allocations().Signal(all.alloc(t, "background"), nil, "background", "SIGKILL"); err != nil {
		t.Fatal(err)
	}
	killed := time.Now()
	all.awaitQueue(t, "long", "all long jobs", func(q queue) bool { return q.Waiting == long })
	took := time.Since(killed)
	t.Logf("FIGURE kill -9 of one of 2 instances of background, lease %v, jobs of %v: all done after %.1f s", lease, takes, took.Seconds())
	// Others have it 2 s after the lease's end; then slots have to be free, and it runs. The
	// lease counts from when on there was somebody to see it end, on a slow machine later.
	late := max(0, all.watchedSince(t).Sub(killed))
	if most := late + lease + 2*time.Second + 3*takes; took > most {
		t.Errorf("what it had was done after %v, want %v at most; nobody watched for the first %v", took, most, late)
	}
	s.stop()
	s.jobs += long + 1
	s.expect(t, "kill -9 of one of 2 instances of background", 0)
	if len(all.lines(t, "taken over")) == takenOver {
		t.Error("it had nothing when it was killed")
	}
}

// A job that takes its instance down again and again is the only one to fail by that.
func TestBackgroundTakenDown(t *testing.T) {
	backgrounds(t, 2)
	defer backgrounds(t, 1)
	s := startSupply(t)
	s.settle(t)
	if err := all.enqueue(1, "exit"); err != nil {
		t.Fatal(err)
	}
	all.awaitQueue(t, defaultQueue, "the job to fail", func(q queue) bool { return q.Failed > 0 })
	s.stop()
	s.jobs++
	s.expect(t, "a job that takes its instance down", 1)
	for _, job := range all.failed(t) {
		if job.Handler != "exit" || !strings.Contains(job.Error, "workers ended") {
			t.Errorf("%+v has failed, want exit alone, with its reason", job)
		}
	}
	if _, err := all.worker("failed", "discard", "--queue", defaultQueue, "--all"); err != nil {
		t.Fatal(err)
	}
	backgrounds(t, 2) // Nomad has restarted those that were taken down
}
