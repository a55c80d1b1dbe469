//go:build servers

package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestACrowdOfWorkersRecordsEachJobOnce has consumers take random steps at the same time,
// with leases that do run out, while the queue is paused and failed jobs are tried again.
func TestACrowdOfWorkersRecordsEachJobOnce(t *testing.T) {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Run(fmt.Sprint("seed=", s), func(t *testing.T) {
		c := newCrowd(t)
		var running sync.WaitGroup
		for n := range 6 {
			random := rand.New(rand.NewPCG(s, uint64(n)))
			running.Go(func() { c.work(n, random) })
		}
		for n := range 2 {
			random := rand.New(rand.NewPCG(s, uint64(100+n)))
			running.Go(func() { c.enqueue(n, random) })
		}
		running.Go(func() { c.operate(rand.New(rand.NewPCG(s, 200))) })
		running.Wait()
		c.check()
	})
}

const crowdJobs = 1500 // that each of two enqueues

type crowd struct {
	t         *testing.T
	q         *Queue
	clock     atomic.Int64 // ticks with every step that may end a job
	recorded  atomic.Int64 // jobs whose end counted
	discarded atomic.Int64
	retried   atomic.Int64
	failures  atomic.Int64
	crashes   atomic.Int64
	mu        sync.Mutex
	ends      map[string]int64 // payloads, of which each job has its own, to when its end had counted
}

func newCrowd(t *testing.T) *crowd {
	_, q := newQueue(t)
	return &crowd{t: t, q: q, ends: map[string]int64{}}
}

func (c *crowd) over() bool {
	return c.t.Failed() || c.recorded.Load()+c.discarded.Load() >= 2*crowdJobs
}

// end takes note of an end that counted.
func (c *crowd) end(payload string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ends[payload] != 0 {
		c.t.Errorf("%s has ended twice", payload)
	}
	c.ends[payload] = c.clock.Add(1)
}

// deliver looks at jobs that were claimed by a step that began at a time.
func (c *crowd) deliver(jobs []*Delivery, began int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range jobs {
		if at := c.ends[d.Payload]; at != 0 && at < began {
			c.t.Errorf("%s was delivered after its end", d.Payload)
		}
		if d.Fault != nil || d.Attempt > d.Attempts {
			c.t.Errorf("%+v was delivered", d)
		}
	}
}

func (c *crowd) enqueue(n int, random *rand.Rand) {
	for made := 0; made < crowdJobs && !c.over(); {
		var jobs []New
		for len(jobs) < 1+random.IntN(20) && made < crowdJobs {
			j := New{Handler: "h", Payload: fmt.Append(nil, n, "-", made), Priority: Priority(random.IntN(priorities)), MaxAttempts: 2}
			if random.IntN(2) == 0 {
				j.Key, j.Keep, j.MaxAttempts = string(j.Payload), time.Hour, 100 // its key is not to be free before its end
			}
			if random.IntN(5) == 0 {
				j.Delay = time.Millisecond
			}
			jobs = append(jobs, j)
			made++
		}
		if _, err := c.q.Enqueue(context.Background(), jobs...); err != nil {
			c.t.Error(err)
		}
		jobs = slices.DeleteFunc(jobs, func(j New) bool { return j.Key == "" })
		if _, err := c.q.Enqueue(context.Background(), jobs...); err != nil { // as if the first answer was lost
			c.t.Error(err)
		}
	}
}

func (c *crowd) work(n int, random *rand.Rand) {
	const lease = 10 * time.Millisecond
	ctx := context.Background()
	me := c.q.Consumer(fmt.Sprint("worker-", n), lease)
	for round := 0; !c.over(); round++ {
		began := c.clock.Load()
		var jobs []*Delivery
		var err error
		switch random.IntN(4) {
		case 0:
			jobs, err = me.Reclaim(ctx, random.IntN(5))
		case 1:
			jobs, err = me.Wait(ctx, 1+random.IntN(3), time.Millisecond)
			if err != nil {
				_, err = me.Claim(ctx, 0)
			}
		default:
			var claimed Claimed
			claimed, err = me.Claim(ctx, 1+random.IntN(10))
			jobs = claimed.Jobs
		}
		if err != nil {
			c.t.Error(err)
			return
		}
		c.deliver(jobs, began)
		if random.IntN(30) == 0 { // it crashes, and another comes
			me = c.q.Consumer(fmt.Sprint("worker-", n, "-", round), lease)
			c.crashes.Add(1)
			continue
		}
		for _, d := range jobs {
			c.finish(me, d, random)
		}
		if random.IntN(20) == 0 {
			if _, err := me.HandBack(ctx); err != nil {
				c.t.Error(err)
			}
			if left, err := me.Leave(ctx); err != nil || !left {
				c.t.Errorf("it leaves: %v (%v)", left, err)
			}
		}
	}
}

// finish brings a job to an end, or leaves it.
func (c *crowd) finish(me *Consumer, d *Delivery, random *rand.Rand) {
	ctx := context.Background()
	var counted bool
	var err error
	switch step := random.IntN(8); {
	case step == 0: // and leaves it until its lease runs out
		_, err = me.Extend(ctx, []Place{d.Place()})
	case step == 1:
		if d.Attempt < d.Attempts {
			if counted, err = me.Retry(ctx, d, time.Duration(random.IntN(3))*time.Millisecond); counted {
				c.retried.Add(1)
			}
			break
		}
		if counted, err = me.Fail(ctx, d, "broken", d.Attempt); counted {
			c.failures.Add(1)
		}
	case d.Plain():
		var n int64
		if n, err = me.Acknowledge(ctx, []*Delivery{d}); n == 1 {
			c.end(d.Payload)
			c.recorded.Add(1)
		}
	default:
		if counted, err = me.Complete(ctx, d, nil); counted {
			c.end(d.Payload)
			c.recorded.Add(1)
		}
	}
	if err != nil {
		c.t.Error(err)
	}
}

// operate pauses and resumes, and has failed jobs tried again or discarded.
func (c *crowd) operate(random *rand.Rand) {
	ctx := context.Background()
	for !c.over() {
		all, err := c.q.Failed(ctx, "", 10)
		for _, f := range all {
			if random.IntN(2) == 0 {
				_, e := c.q.RetryFailed(ctx, f)
				err = errors.Join(err, e)
				continue
			}
			n, e := c.q.Discard(ctx, f)
			err = errors.Join(err, e)
			if n == 1 {
				c.end(string(f.Payload))
				c.discarded.Add(1)
			}
		}
		if random.IntN(3) == 0 {
			err = errors.Join(err, c.q.Pause(ctx))
			_, e := c.q.Stats(ctx)
			err = errors.Join(err, e, c.q.Resume(ctx))
		}
		if err != nil {
			c.t.Error(err)
			return
		}
	}
}

func (c *crowd) check() {
	s := stats(c.t, c.q)
	is(c.t, "what is left", []int64{s.Waiting, s.Running, s.Delayed, s.Failed}, []int64{0, 0, 0, 0})
	is(c.t, "what was counted", []int64{s.Done, s.Retried, s.Failures}, []int64{c.recorded.Load(), c.retried.Load(), c.failures.Load()})
	is(c.t, "jobs that have ended", len(c.ends), 2*crowdJobs)
	is(c.t, "IDs in use", do(c.t, c.q, "HLEN", c.q.keys.ids), 0)
	c.t.Logf("%d done, %d discarded, %d retried, %d failures, %d handed back, %d crashes", s.Done, c.discarded.Load(), s.Retried, s.Failures, s.HandedBack, c.crashes.Load())
}
