//go:build servers

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	nomad "github.com/hashicorp/nomad/api"
	"github.com/redis/go-redis/v9"
)

// command runs one of our programs as anybody would, and returns what it prints.
func (c *cluster) command(program string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.bin+"/"+program, args...)
	cmd.Env = append(os.Environ(), "NOMAD_ADDR=http://"+local(c.ports.nomad))
	var wrong bytes.Buffer
	cmd.Stderr = &wrong
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", program, args, err, wrong.Bytes())
	}
	return out, nil
}

// worker runs one of the worker's commands for queues.
func (c *cluster) worker(args ...string) ([]byte, error) {
	return c.command("worker", append(args, "--redis=consul://redis", "--consul-addr="+local(c.ports.consul))...)
}

// enqueue puts jobs on the queue that the job background takes them off.
func (c *cluster) enqueue(count int, args ...string) error {
	_, err := c.worker(append([]string{"enqueue", "--count=" + strconv.Itoa(count)}, args...)...)
	return err
}

// queue is a queue as `worker queues --json` has it.
type queue struct {
	Queue                             string
	Waiting, Running, Delayed, Failed int
	Enqueued, Done, Retried, Failures int // since it exists
	HandedBack                        int `json:"handed_back"`
}

// queue is zero for one that nobody has used.
func (c *cluster) queue(name string) (queue, error) {
	out, err := c.worker("queues", "--json")
	if err != nil {
		return queue{}, err
	}
	var all []queue
	if err := json.Unmarshal(out, &all); err != nil {
		return queue{}, fmt.Errorf("%s: %w", out, err)
	}
	for _, q := range all {
		if q.Queue == name {
			return q, nil
		}
	}
	return queue{Queue: name}, nil
}

// defaultQueue is the one of the job background.
const defaultQueue = "default"

// awaitQueue waits until a queue is as it should be.
func (c *cluster) awaitQueue(t *testing.T, name, what string, is func(queue) bool) (last queue) {
	t.Helper()
	var failure error // Redis may be away
	if err := c.await(what, func(context.Context) (bool, error) {
		if last, failure = c.queue(name); failure != nil {
			return false, nil
		}
		return is(last), nil
	}); err != nil {
		t.Fatalf("%v; the queue is now %+v, %v", err, last, failure)
	}
	return last
}

// watchedSince is from when on leases on the queue's jobs count: since then there has
// always been a worker to see one end.
func (c *cluster) watchedSince(t *testing.T) time.Time {
	t.Helper()
	found, _, err := c.consul.Health().Service("redis", "", true, nil)
	if err != nil || len(found) != 1 {
		t.Fatalf("%d instances of redis in Consul, %v", len(found), err)
	}
	at := found[0].Service
	client := redis.NewClient(&redis.Options{Addr: net.JoinHostPort(at.Address, strconv.Itoa(at.Port))})
	defer client.Close()
	since, err := client.HGet(t.Context(), "queue:{"+defaultQueue+"}:state", "since").Int64()
	if err != nil {
		t.Fatal(err)
	}
	return time.UnixMilli(since)
}

// failed are the jobs of the failed queue.
func (c *cluster) failed(t *testing.T) []failedJob {
	t.Helper()
	out, err := c.worker("failed", "list", "--queue", defaultQueue, "--json")
	if err != nil {
		t.Fatal(err)
	}
	var all []failedJob
	if err := json.Unmarshal(out, &all); err != nil {
		t.Fatalf("%s: %v", out, err)
	}
	return all
}

type failedJob struct {
	ID, Handler, Error string
	Attempts           int
}

// lines are those that all instances of background have written so far, also those that
// have ended, and that contain a text.
func (c *cluster) lines(t *testing.T, text string) (lines []string) {
	t.Helper()
	out, err := c.command("logs", "--no-follow", "background")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if _, line, _ = strings.Cut(line, " | "); strings.Contains(line, text) {
			lines = append(lines, line)
		}
	}
	return lines
}

// completed counts how often a job was run to its end: what runs says so in its metrics,
// what was asked to end has said so in its last line, and what was killed is not counted.
func (c *cluster) completed(t *testing.T) (n int) {
	t.Helper()
	for _, line := range c.lines(t, `"msg":"drained"`) {
		var said struct{ Done *int }
		if err := json.Unmarshal([]byte(line), &said); err != nil || said.Done == nil {
			t.Fatalf("how many has it done? %s %v", line, err)
		}
		n += *said.Done
	}
	running, err := c.running("background")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range running {
		done, err := c.doneBy(a.ID)
		if err != nil {
			t.Fatal(err)
		}
		n += done
	}
	return n
}

// doneBy is how many jobs an instance has run to their end.
func (c *cluster) doneBy(id string) (n int, err error) {
	alloc, _, err := c.nomad.Allocations().Info(id, nil)
	if err != nil {
		return 0, err
	}
	_, text, err := edge{admin: "http://" + admin(alloc)}.get("/metrics")
	if err != nil {
		return 0, err
	}
	found := false
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "background_attempts_total{") && strings.Contains(line, `outcome="done"`) {
			value, err := strconv.ParseFloat(strings.Fields(line)[1], 64)
			if err != nil {
				return 0, err
			}
			n, found = n+int(value), true
		}
	}
	if !found {
		return 0, errors.New("there is no metric background_attempts_total")
	}
	return n, nil
}

// admin is the address of an allocation's port of that name.
func admin(alloc *nomad.Allocation) string {
	for _, port := range alloc.AllocatedResources.Shared.Ports {
		if port.Label == "admin" {
			return fmt.Sprintf("%s:%d", port.HostIP, port.Value)
		}
	}
	return ""
}

// supply keeps the job background busy: half of the jobs sleep for 20 ms, half have a
// result that goes on to another queue, where nobody takes them.
type supply struct {
	results string // that queue
	before  queue
	ran     int // how many had been completed before
	began   time.Time
	end     context.CancelFunc
	ended   chan struct{}

	// What was enqueued, once it has ended: how many jobs, how many of them have a result,
	// and how many may be there or not, because enqueueing them has failed.
	jobs, echoes, unsure int
	failure              error // the last
}

// batch is how many jobs a supply enqueues at a time, of each kind. While four times as many
// wait, which is work for about a second, it enqueues none.
const batch = 250

// startSupply enqueues jobs as others are done, until stop.
func startSupply(t *testing.T) *supply {
	t.Helper()
	s := &supply{results: t.Name(), began: time.Now(), ended: make(chan struct{})}
	s.before = all.awaitQueue(t, defaultQueue, "an empty queue", queue.empty)
	s.ran = all.completed(t)
	ctx, end := context.WithCancel(context.Background())
	s.end = end
	go s.run(ctx)
	t.Cleanup(s.stop)
	return s
}

func (s *supply) run(ctx context.Context) {
	defer close(s.ended)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		q, err := all.queue(defaultQueue)
		if err != nil {
			s.failure = err
			continue
		}
		if q.Waiting > 4*batch {
			continue
		}
		s.enqueue(batch, "sleep", `{"ms":20}`)
		if s.enqueue(batch, "--then", s.results, "echo", `"again"`) {
			s.echoes += batch
		}
	}
}

// enqueue reports whether the jobs are certainly there.
func (s *supply) enqueue(count int, args ...string) bool {
	if err := all.enqueue(count, args...); err != nil {
		s.failure = err
		s.unsure += count
		return false
	}
	s.jobs += count
	return true
}

// stop ends the supply and waits for what is under way.
func (s *supply) stop() {
	s.end()
	<-s.ended
}

// settle waits until a second's work more is done.
func (s *supply) settle(t *testing.T) {
	t.Helper()
	q := all.awaitQueue(t, defaultQueue, "Redis", func(queue) bool { return true })
	all.awaitQueue(t, defaultQueue, "jobs to be done", func(now queue) bool { return now.Done >= q.Done+4*batch })
}

func (q queue) empty() bool { return q.Waiting+q.Running+q.Delayed == 0 }

// expect stops the supply and waits until all jobs have ended: each was done and counted
// once, at the first attempt, but for those that may not have been enqueued, and as many
// as are meant to have failed. It prints the figure.
func (s *supply) expect(t *testing.T, what string, failed int) queue {
	t.Helper()
	s.stop()
	now := all.awaitQueue(t, defaultQueue, "all jobs to end", queue.empty)
	was := s.before
	enqueued, done := now.Enqueued-was.Enqueued, now.Done-was.Done
	t.Logf("FIGURE %s: %d jobs, %d done, %d failed, %d handed back, in %.1f s", what, enqueued, done, now.Failures-was.Failures,
		now.HandedBack-was.HandedBack, time.Since(s.began).Seconds())
	if enqueued < s.jobs || enqueued > s.jobs+s.unsure || s.jobs < 4*batch {
		t.Errorf("%d jobs were enqueued for certain and %d perhaps, the queue has had %d; the last failure: %v", s.jobs, s.unsure, enqueued, s.failure)
	}
	if done != enqueued-failed || now.Failures-was.Failures != failed || now.Retried != was.Retried {
		t.Errorf("of %d jobs %d were done, %d have failed and %d were tried again; want %d, %d and 0", enqueued, done,
			now.Failures-was.Failures, now.Retried-was.Retried, enqueued-failed, failed)
	}
	results, err := all.queue(s.results)
	if err != nil {
		t.Fatal(err)
	}
	if results.Waiting < s.echoes || results.Waiting > s.echoes+s.unsure {
		t.Errorf("%d jobs with a result, and perhaps %d more, have %d results", s.echoes, s.unsure, results.Waiting)
	}
	return now
}

// expectOnce is expect, and that none was run to its end a second time.
func (s *supply) expectOnce(t *testing.T, what string) {
	t.Helper()
	now := s.expect(t, what, 0)
	if s.unsure > 0 {
		t.Errorf("%d jobs could not be enqueued: %v", s.unsure, s.failure)
	}
	if ran, done := all.completed(t)-s.ran, now.Done-s.before.Done; ran != done {
		t.Errorf("%d jobs were run to their end, for %d that were done", ran, done)
	}
}
