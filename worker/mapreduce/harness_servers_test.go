//go:build servers

package mapreduce

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"formation/worker/background"
	"formation/worker/mapreduce/input"
	"formation/worker/queue"
	"formation/worker/redisclient/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a Redis, a folder of files, and workers that do runs on them.
type bench struct {
	*testing.T
	server *redistest.Server
	redis  *redis.Client
	queue  *queue.Queue
	dir    string
	*Runs
}

func newBench(t *testing.T) *bench {
	t.Helper()
	server := redistest.New(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr, MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	q, err := queue.Open(client, "jobs")
	if err != nil {
		t.Fatal(err)
	}
	return &bench{T: t, server: server, redis: client, queue: q, dir: t.TempDir(), Runs: NewRuns(client)}
}

// file writes a file below the root.
func (b *bench) file(name string, text []byte) {
	b.Helper()
	if err := os.WriteFile(b.dir+"/"+name, text, 0o600); err != nil {
		b.Fatal(err)
	}
}

// worker is one that is called by the test itself.
func (b *bench) worker() *Worker {
	b.Helper()
	root, err := input.Open(b.dir)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = root.Close() })
	return NewWorker(b.redis, b.queue, root)
}

// work starts a worker of the queue, which ends with the test.
func (b *bench) work() {
	b.Helper()
	w := usual(b.queue, "worker", b.worker())
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx, ctx) }()
	b.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			b.Errorf("the worker ended with: %v", err)
		}
	})
}

// usual is a worker of the queue as tests have it.
func usual(q *queue.Queue, id string, w *Worker) background.Worker {
	return background.Worker{
		Queue:         q,
		ID:            id,
		Handlers:      []queue.Handler{w.Handler()},
		Concurrency:   2,
		Lease:         time.Second,
		MaxDeliveries: 1000,
		Backoff:       time.Millisecond,
		MaxBackoff:    100 * time.Millisecond,
		DrainTimeout:  time.Minute,
		Log:           slog.New(slog.DiscardHandler),
	}
}

// mortals are n workers in processes of their own, which are killed again and again, each
// after a while of up to life; another takes its place.
func (b *bench) mortals(n int, life time.Duration) {
	end := make(chan struct{})
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for mortal(b.server.Addr, b.dir, rand.N(life), end) {
			}
		})
	}
	b.Cleanup(func() {
		close(end)
		all.Wait()
	})
}

// mortal runs one process until it is killed; false: there are to be no more.
func mortal(addr, dir string, life time.Duration, end <-chan struct{}) bool {
	cmd := exec.Command(os.Args[0], "-test.run", "^TestProcess$")
	cmd.Env = append(os.Environ(), fmt.Sprint("MAPREDUCE_PROCESS=", addr, " ", dir))
	out, err := cmd.StdoutPipe()
	if err != nil || cmd.Start() != nil {
		return false
	}
	_, _ = out.Read(make([]byte, 1)) // it works, from now on
	timer := time.NewTimer(life)
	defer timer.Stop()
	more := true
	select {
	case <-timer.C:
	case <-end:
		more = false
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	return more
}

// TestProcess is no test: it is the worker that the others run as a process of its own.
func TestProcess(t *testing.T) {
	addr, dir, ok := strings.Cut(os.Getenv("MAPREDUCE_PROCESS"), " ")
	if !ok {
		return
	}
	client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})
	q, err := queue.Open(client, "jobs")
	if err != nil {
		t.Fatal(err)
	}
	root, err := input.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	w := usual(q, fmt.Sprint("process-", os.Getpid(), "-", time.Now().UnixNano()), NewWorker(client, q, root))
	fmt.Print("working")
	if err := w.Run(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
}

// start starts a run.
func (b *bench) start(spec Spec) string {
	b.Helper()
	name := NewName()
	if err := b.Start(b.Context(), b.queue, name, spec); err != nil {
		b.Fatal(err)
	}
	return name
}

// ended waits until a run is over, and looks after it meanwhile, as its client does.
func (b *bench) ended(name string) Status {
	b.Helper()
	nudged := time.Now()
	for {
		s, err := b.Status(b.Context(), name)
		if err == nil && s.State != Running {
			return s
		}
		if err == nil && time.Since(nudged) > time.Second {
			nudged = time.Now()
			_ = b.Nudge(b.Context(), s) // or the next time
		}
		if b.Context().Err() != nil {
			b.Fatalf("the run is not over: %+v, %v", s, err)
		}
		runtime.Gosched()
	}
}

// keys are those of a run in Redis.
func (b *bench) keys(name string) []string {
	b.Helper()
	keys, err := b.redis.Keys(b.Context(), "mapreduce:{"+name+"}*").Result()
	if err != nil {
		b.Fatal(err)
	}
	return keys
}
