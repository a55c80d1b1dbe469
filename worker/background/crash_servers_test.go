//go:build servers

package background

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"formation/worker/queue"
)

// A worker that died while it had jobs: others take them when its lease has run out.
func TestJobsOfAWorkerThatDiedAreDone(t *testing.T) {
	b := newBench(t)
	b.start(nil)
	dead := b.Consumer("dead", time.Second)
	if err := b.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.enqueue(queue.New{ID: "a", Handler: "noop"}, queue.New{ID: "b", Handler: "noop"})
	if err := b.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, _ = dead.Claim(t.Context(), 10) // some, all or none: the worker is quick
	if s := b.until("done", settled); s.Done != 2 || s.Failed != 0 {
		t.Errorf("in the end %+v", s)
	}
}

// A job that takes its workers down goes to the failed queue, and the others are done.
func TestAJobThatTakesWorkersDown(t *testing.T) {
	b := newBench(t)
	b.enqueue(queue.New{ID: "bad", Handler: "exit"}, queue.New{ID: "good", Handler: "noop"})
	b.processes(1, 3, false)
	f := b.failure("bad")
	if !strings.Contains(f.Error, "3 workers ended while they had it") || f.Attempts != 0 {
		t.Errorf("it failed after %d attempts with %q", f.Attempts, f.Error)
	}
	if s := b.until("done", settled); s.Done != 1 {
		t.Errorf("in the end %+v", s)
	}
}

// Workers are killed at random about every second, and all is done in the end.
func TestWorkersAreKilledAtRandom(t *testing.T) {
	const jobs = 100_000
	b := newBench(t)
	for n := 0; n < jobs; {
		var some []queue.New
		for range queue.MaxBatch {
			j := queue.New{Handler: "sleep", Payload: []byte(`{"ms":1}`)}
			switch n % 50 {
			case 0:
				j = queue.New{ID: fmt.Sprint("named-", n), Handler: "echo", Payload: []byte(`1`), Keep: time.Hour}
			case 1:
				j.Priority = queue.High
			case 2:
				j.Delay = time.Duration(n%3000) * time.Millisecond
			}
			some = append(some, j)
			n++
		}
		b.enqueue(some...)
	}
	workers := b.processes(3, 1000, true)
	s := b.until("done", settled)
	if s.Done != jobs || s.Failed != 0 || s.Retried != 0 {
		t.Errorf("in the end %+v", s)
	}
	kept, err := b.redis.Eval(t.Context(), `return #redis.call('KEYS', 'queue:{jobs}:result:*')`, nil).Int()
	if kept != jobs/50 || err != nil {
		t.Errorf("%d results are kept of %d, %v", kept, jobs/50, err)
	}
	t.Logf("%d workers were killed", workers.killed.Load())
}

// Redis is killed and started again while jobs are enqueued and done.
func TestRedisIsKilledUnderLoad(t *testing.T) {
	b := newBench(t)
	for range 3 {
		b.start(nil)
	}
	total := 0
	for round := range 5 {
		away := false
		for n := range 200 {
			id := fmt.Sprint(round, "-", n)
			for { // what got no answer is enqueued again
				if _, err := b.Queue.Enqueue(t.Context(), queue.New{ID: id, Handler: "echo", Payload: []byte(`1`), Keep: time.Hour, Key: id}); err == nil {
					break
				}
				if away {
					b.server.Start(t)
					away = false
				}
			}
			total++
			if n == 99 {
				b.server.Kill()
				away = true
			}
		}
	}
	if s := b.until("done", settled); s.Done != int64(total) || s.Failed != 0 || s.Retried != 0 {
		t.Errorf("in the end %+v, wanted %d", s, total)
	}
}

// processes are workers in processes of their own, each in the place of the one before it
// that has ended.
type processes struct {
	addr       string // of Redis
	deliveries int    // their MaxDeliveries
	mortal     bool   // they are killed at random, about every second
	end        chan struct{}
	all        sync.WaitGroup
	killed     atomic.Int64
}

// processes starts n of them, which end with the test.
func (b *bench) processes(n, deliveries int, mortal bool) *processes {
	p := &processes{addr: b.server.Addr, deliveries: deliveries, mortal: mortal, end: make(chan struct{})}
	for range n {
		p.all.Go(func() {
			for p.run() {
			}
		})
	}
	b.Cleanup(func() {
		close(p.end)
		p.all.Wait()
	})
	return p
}

// run runs one process until it ends or is killed; false: there are to be no more.
func (p *processes) run() bool {
	cmd := exec.Command(os.Args[0], "-test.run", "^TestProcess$")
	cmd.Env = append(os.Environ(), fmt.Sprint("BACKGROUND_PROCESS=", p.addr, " ", p.deliveries))
	if cmd.Start() != nil {
		return false
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait()
	}()
	var fate <-chan time.Time
	if p.mortal {
		timer := time.NewTimer(500*time.Millisecond + rand.N(time.Second))
		defer timer.Stop()
		fate = timer.C
	}
	more := true
	select {
	case <-exited:
	case <-fate:
		p.killed.Add(1)
	case <-p.end:
		more = false
	}
	_ = cmd.Process.Kill()
	<-exited
	return more
}

// TestProcess is no test: it is the worker that the others run as a process of its own.
func TestProcess(t *testing.T) {
	var addr string
	var deliveries int
	if n, _ := fmt.Sscan(os.Getenv("BACKGROUND_PROCESS"), &addr, &deliveries); n < 2 {
		return
	}
	client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})
	q, err := queue.Open(client, "jobs")
	if err != nil {
		t.Fatal(err)
	}
	w := usual(q, fmt.Sprint("process-", os.Getpid(), "-", time.Now().UnixNano()))
	w.Handlers = Trial(func() { os.Exit(1) })
	w.Concurrency, w.MaxDeliveries = 20, deliveries
	if err := w.Run(t.Context(), t.Context()); err != nil {
		t.Fatal(err)
	}
}
