//go:build servers

package mapreduce

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"formation/worker/queue"
)

// Workers are killed at random, and the result is the same.
func TestWorkersAreKilledAtRandom(t *testing.T) {
	b := newBench(t)
	l := newLogs(b, 10_000)
	b.work() // somebody has to be there for a lease, to take over
	b.mortals(2, 500*time.Millisecond)
	for range 2 {
		spec := byStatus()
		spec.Group.By = []string{"path", "status"}
		s := b.ended(b.start(spec))
		b.check(l, s, any1)
		t.Logf("%d shards were begun again", s.Retries)
	}
}

// Redis is killed and started again while a run goes on, and the result is the same.
func TestRedisIsKilled(t *testing.T) {
	b := newBench(t)
	l := newLogs(b, 10_000)
	b.work()
	b.mortals(2, time.Second)
	spec := byStatus()
	spec.ShardSize = 16 << 10
	name := b.start(spec)
	for round := range 4 {
		for { // until it has got on
			s, err := b.Status(t.Context(), name)
			if err == nil && (s.State != Running || s.Stage > split || s.Stage == split && s.Recorded >= round*s.Shards/4) {
				break
			}
			if t.Context().Err() != nil {
				t.Fatal("the run does not get on")
			}
		}
		b.server.Kill()
		b.server.Start(t)
	}
	b.check(l, b.ended(name), any1)
}

// A shard that is done by several workers counts once, and whoever comes after one that
// died between two stages goes on from there.
func TestAShardCountsOnce(t *testing.T) {
	b := newBench(t)
	l := newLogs(b, 500)
	w, other := b.worker(), b.worker()
	name := NewName()
	spec := byStatus()
	if err := b.Start(t.Context(), b.queue, name, spec); err != nil {
		t.Fatal(err)
	}
	if err := b.Start(t.Context(), b.queue, name, spec); err != nil { // its answer was lost
		t.Fatal(err)
	}
	for stage := range 3 {
		s, err := b.Status(t.Context(), name)
		if err != nil || s.Stage != stage {
			t.Fatalf("it is in stage %d, not %d, %v", s.Stage, stage, err)
		}
		for n := range s.Shards {
			one := []task{{Run: name, Stage: stage, Shard: n}}
			if stage == split {
				if err := readShards(t.Context(), b.redis, keysOf(name), one); err != nil {
					t.Fatal(err)
				}
			}
			task := one[0]
			begun, err := w.begin(t.Context(), task)
			if err != nil {
				t.Fatal(err)
			}
			made, err := w.make(t.Context(), task, begun.spec)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.record(t.Context(), task, begun.spec, made); err != nil { // and dies
				t.Fatal(err)
			}
			if _, err := other.record(t.Context(), task, begun.spec, made); err != nil {
				t.Fatal(err)
			}
			if err := other.do(t.Context(), task); err != nil {
				t.Fatal(err)
			}
		}
	}
	s := b.ended(name)
	b.check(l, s, any1)
	shards, err := b.redis.HGet(t.Context(), keysOf(name).run, "total1").Int64()
	if stats, statErr := b.queue.Stats(t.Context()); err != nil || statErr != nil || stats.Waiting != 1+shards+partitions {
		t.Errorf("each shard of all stages waits once: %+v, %v, %v", stats, err, statErr)
	}
}

// What Redis has lost is enqueued again, and a job that failed unseen fails its run.
func TestARunIsLookedAfter(t *testing.T) {
	b := newBench(t)
	b.file("a", []byte("{}\n"))
	name := b.start(byStatus())
	if err := b.redis.Del(t.Context(), "queue:{jobs}:normal", "queue:{jobs}:ids").Err(); err != nil {
		t.Fatal(err)
	}
	nudge := func() Status {
		t.Helper()
		s, err := b.Status(t.Context(), name)
		if err == nil {
			err = b.Nudge(t.Context(), s)
		}
		if err == nil {
			s, err = b.Status(t.Context(), name)
		}
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	nudge()
	nudge()
	if stats, err := b.queue.Stats(t.Context()); err != nil || stats.Waiting != 1 {
		t.Fatalf("the plan waits again, once: %+v, %v", stats, err)
	}
	c := b.queue.Consumer("c", time.Hour)
	jobs, err := c.Claim(t.Context(), 1)
	if err != nil || len(jobs.Jobs) != 1 {
		t.Fatal(err)
	}
	if _, err := c.Fail(t.Context(), jobs.Jobs[0], "5 workers ended while they had it", 0); err != nil {
		t.Fatal(err)
	}
	if s := nudge(); s.State != Failed || !strings.Contains(s.Error, "5 workers ended") {
		t.Errorf("the run is %s: %s", s.State, s.Error)
	}
}

// What does not fit fails the run with a clear line, and leaves nothing.
func TestARunThatStoresTooMuchFails(t *testing.T) {
	b := newBench(t)
	b.work()
	newLogs(b, 5000)
	spec := byStatus()
	spec.Group.By, spec.MaxStored = []string{"client"}, 20<<10
	s := b.ended(b.start(spec))
	if s.State != Failed || !strings.Contains(s.Error, "more than 20480 bytes in Redis: raise --max-stored") {
		t.Errorf("the run is %s: %s", s.State, s.Error)
	}
	for _, key := range b.keys(s.Name) {
		if !strings.HasSuffix(key, ":run") && !strings.HasSuffix(key, ":samples") {
			t.Errorf("%s is left", key)
		}
	}
}

func TestACancelledRunLeavesNothing(t *testing.T) {
	b := newBench(t)
	newLogs(b, 5000)
	w := b.worker()
	name := b.start(byStatus())
	if err := w.do(t.Context(), task{Run: name}); err != nil {
		t.Fatal(err)
	}
	one := []task{{Run: name, Stage: split}}
	if err := readShards(t.Context(), b.redis, keysOf(name), one); err != nil {
		t.Fatal(err)
	}
	if err := w.do(t.Context(), one[0]); err != nil {
		t.Fatal(err)
	}
	for _, key := range b.keys(name) { // all of them expire by themselves, too
		if left, err := b.redis.PTTL(t.Context(), key).Result(); err != nil || left <= 0 || left > Life {
			t.Errorf("%s expires in %v, %v", key, left, err)
		}
	}
	if there, err := b.Cancel(t.Context(), name); !there || err != nil {
		t.Errorf("cancelled: %v, %v", there, err)
	}
	if there, err := b.Cancel(t.Context(), name); there || err != nil {
		t.Errorf("a second time: %v, %v", there, err)
	}
	one[0].Shard = 1
	if err := w.do(t.Context(), one[0]); err != nil {
		t.Errorf("a shard of it: %v", err)
	}
	compare(t, "what is left", b.keys(name), []string{keysOf(name).run})
	s, err := b.Status(t.Context(), name)
	if err != nil || s.State != Cancelled || s.Stored != 0 {
		t.Errorf("it is %+v, %v", s, err)
	}
}

// A job that names something that is not below the root fails with that reason, and its
// run as well.
func TestNothingOutsideIsRead(t *testing.T) {
	b := newBench(t)
	outside := t.TempDir() + "/secret"
	if err := os.WriteFile(outside, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, b.dir+"/link"); err != nil {
		t.Fatal(err)
	}
	b.file("empty", nil)
	b.work()
	for n, name := range []string{"../secret", outside, "link", "/dev/zero", "a/../../secret"} {
		run := b.start(Spec{Inputs: []string{"empty"}, Group: Grouping{Agg: all[:1]}, Strict: false})
		s := b.ended(run)
		if err := b.redis.HSet(t.Context(), keysOf(run).run, "state", "running").Err(); err != nil {
			t.Fatal(err)
		}
		payload := fmt.Sprintf(`{"run":%q,"stage":1,"shard":0,"of":{"name":%q,"size":3,"print":"","to":3}}`, s.Name, name)
		id := "by-hand-" + strconv.Itoa(n)
		if _, err := b.queue.Enqueue(t.Context(), queue.New{ID: id, Handler: HandlerName, Payload: []byte(payload)}); err != nil {
			t.Fatal(err)
		}
		s = b.ended(run)
		if s.State != Failed || !strings.Contains(s.Error, name) {
			t.Errorf("%s: the run is %s: %s", name, s.State, s.Error)
		}
		f, there, err := b.queue.FindFailed(t.Context(), id)
		for err == nil && !there {
			f, there, err = b.queue.FindFailed(t.Context(), id)
		}
		if err != nil || f.Error != s.Error {
			t.Errorf("%s: the job failed with %q, %v", name, f.Error, err)
		}
	}
	for _, inputs := range []string{"../*", "/etc/*", "link"} {
		spec := byStatus()
		spec.Inputs = []string{inputs}
		s := b.ended(b.start(spec))
		if said := s.Error + strings.Join(s.Samples, " "); !strings.Contains(said, strings.TrimSuffix(inputs, "*")) || s.Lines != 0 {
			t.Errorf("%s: the run is %s, %q", inputs, s.State, said)
		}
	}
}

// Jobs of another version, or that somebody has made up.
func TestPayloadsAreRead(t *testing.T) {
	b := newBench(t)
	b.work()
	payloads := []string{"", "{}", `{"run":"A"}`, `{"run":"a","stage":4}`, `{"run":"a","stage":1}`, `{"run":"a","shard":-1}`, `{"run":"a","newer":1}`, `{"run":"a"} x`}
	for n, payload := range payloads {
		id := strconv.Itoa(n)
		if _, err := b.queue.Enqueue(t.Context(), queue.New{ID: id, Handler: HandlerName, Payload: []byte(payload)}); err != nil {
			t.Fatal(err)
		}
		f, there, err := b.queue.FindFailed(t.Context(), id)
		for err == nil && !there {
			f, there, err = b.queue.FindFailed(t.Context(), id)
		}
		if err != nil || !strings.HasPrefix(f.Error, "payload: ") {
			t.Errorf("%s: %q, %v", payload, f.Error, err)
		}
	}
	if _, err := b.Status(t.Context(), "nobody"); err != ErrNoRun {
		t.Errorf("the status of no run: %v", err)
	}
	if runs, err := b.List(t.Context()); err != nil || len(runs) != 0 {
		t.Errorf("runs: %v, %v", runs, err)
	}
	names := []string{b.start(byStatus()), b.start(byStatus())}
	runs, err := b.List(t.Context())
	if err != nil || len(runs) != 2 || !slices.Contains(names, runs[0].Name) || !slices.Contains(names, runs[1].Name) {
		t.Errorf("runs: %v, %v", runs, err)
	}
}
