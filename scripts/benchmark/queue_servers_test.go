//go:build servers

package main

import (
	"cmp"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The benchmark starts itself to enqueue jobs: here that is the test's program.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "jobs" {
		os.Exit(run(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// ourBench measures ours alone, quickly; said is called after each round.
func ourBench(t *testing.T, said func()) *queueBench {
	t.Helper()
	b := &queueBench{
		options:  options{dir: t.TempDir(), rounds: 1, seconds: 1},
		redis:    cmp.Or(os.Getenv("FORMATION_REDIS"), "redis-server"),
		peers:    []int{1},
		progress: writer(said),
	}
	b.ours = filepath.Join(b.dir, "worker")
	if out, err := exec.Command("go", "build", "-o", b.ours, "formation/worker").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var err error
	if b.self, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	if b.cores, err = divide(); err != nil {
		t.Fatal(err)
	}
	return b
}

type writer func()

func (w writer) Write(p []byte) (int, error) {
	w()
	return len(p), nil
}

func TestQueueCases(t *testing.T) {
	b := ourBench(t, func() {})
	for _, name := range []string{"enqueue-50", "bulk", "process-50", "disk-50", "pickup", "memory"} {
		k, err := chooseCases(name, queueCases)
		if err != nil {
			t.Fatal(err)
		}
		all, err := b.runCase(t.Context(), k[0])
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, column := range k[0].shows {
			if is := values(all[0].samples, find(queueColumns, column).of); len(is) != 1 || is[0] <= 0 {
				t.Errorf("%s: %s: %v", name, column, is)
			}
		}
	}
}

// Jobs that wait are left behind: the pickup's own go before them.
func TestQueueBehind(t *testing.T) {
	b := ourBench(t, func() {})
	k := &queueCase{name: "some", measure: (*queueBench).behind, concurrency: 10, waiting: []int64{0, 200_000}, shows: []string{"rate", "p50"}}
	all, err := b.runCase(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		if s := c.samples[0]; s.Rate <= 0 || s.P50 <= 0 || s.P99 < s.P50 {
			t.Errorf("%s: %+v", c.label(), s)
		}
	}
}

// An interrupted run leaves neither a server nor a file.
func TestQueueInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	b := ourBench(t, interrupt)
	b.rounds = 1000
	k, err := chooseCases("enqueue-1", queueCases)
	if err != nil {
		t.Fatal(err)
	}
	all, err := b.runCase(ctx, k[0])
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	<-all[0].redis.ended
	if _, err := os.Stat(all[0].redis.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its folder: %v", err)
	}
}
