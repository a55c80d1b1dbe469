//go:build servers

package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// smallBench measures awk and ours with a small log.
func smallBench(t *testing.T) *mapreduceBench {
	t.Helper()
	b := &mapreduceBench{
		options:  options{dir: t.TempDir(), rounds: 1},
		size:     1,
		redis:    cmp.Or(os.Getenv("FORMATION_REDIS"), "redis-server"),
		peers:    []int{0, 2},
		progress: io.Discard,
	}
	b.ours = filepath.Join(b.dir, "worker")
	if out, err := exec.Command("go", "build", "-o", b.ours, "formation/worker").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var err error
	if b.cores, err = divide(); err != nil {
		t.Fatal(err)
	}
	if err := b.write(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMapreduceCases(t *testing.T) {
	b := smallBench(t)
	for _, k := range mapreduceCases {
		all, err := b.runCase(t.Context(), k)
		if err != nil {
			t.Errorf("%s: %v", k.name, err)
			continue
		}
		for _, c := range all {
			s := c.samples[0]
			if s.Seconds <= 0 || s.Rate <= 0 || s.CPU <= 0 || (s.Memory > 0) != (c.name == ours) || (s.Aside > 0) != (c.name == ours) {
				t.Errorf("%s, %s: %+v", k.name, c.label(), s)
			}
		}
	}
}

// Whoever answers wrongly ends the benchmark.
func TestMapreduceWrong(t *testing.T) {
	b := smallBench(t)
	b.log.statuses[200]++
	for n, peer := range map[int]string{0: awk, 2: ours} {
		b.peers = []int{n}
		_, err := b.runCase(t.Context(), mapreduceCases[0])
		if err == nil || !strings.Contains(err.Error(), peer+": a wrong result: of 200") {
			t.Errorf("%s: %v", peer, err)
		}
	}
}

// An interrupted run leaves neither a server nor a worker.
func TestMapreduceInterrupted(t *testing.T) {
	b := smallBench(t)
	b.rounds = 1000
	ctx, interrupt := context.WithCancel(t.Context())
	b.progress = writer(interrupt)
	if _, err := b.runCase(ctx, mapreduceCases[0]); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(b.dir, mapreduceCases[0].name)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Redis's folder: %v", err)
	}
	programs, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range programs {
		if is, err := os.Readlink(program); err == nil && is == b.ours {
			t.Errorf("%s still runs", program)
		}
	}
}
