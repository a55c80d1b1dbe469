//go:build servers

package queue

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestARedisWithoutTheScriptsIsGivenThem(t *testing.T) {
	_, q := newQueue(t)
	c := q.Consumer("c", longLease)
	flush := func() { do(t, q, "SCRIPT", "FLUSH") }
	enqueue(t, q, New{ID: "a", Handler: "h"})
	flush()
	d := claimOne(t, c)
	flush()
	need[[]Place](t)(c.Extend(t.Context(), []Place{d.Place()}))
	flush()
	need[bool](t)(c.Retry(t.Context(), d, 0))
	flush()
	reclaim(t, c, 1)
	d = claimOne(t, c)
	flush()
	need[bool](t)(c.Fail(t.Context(), d, "broken", 2))
	flush()
	need[bool](t)(q.RetryFailed(t.Context(), find(t, q, "a")))
	claimOne(t, c)
	flush()
	need[int64](t)(c.HandBack(t.Context()))
	d = claimOne(t, c)
	flush()
	is(t, "done", need[bool](t)(c.Complete(t.Context(), d, nil)), true)
	flush()
	is(t, "left", need[bool](t)(c.Leave(t.Context())), true)
}

func TestAQueueGoesOnAfterAllItHadWasDeleted(t *testing.T) {
	_, q := newQueue(t)
	c := q.Consumer("c", longLease)
	enqueue(t, q, New{ID: "a", Handler: "h", Key: "k"}, New{ID: "b", Handler: "h"})
	lost := claim(t, c, 1)[0]
	do(t, q, "FLUSHALL")
	is(t, "the lease", need[[]Place](t)(c.Extend(t.Context(), []Place{lost.Place()})), []Place{lost.Place()})
	for name, end := range ends {
		if end(t, c, lost) {
			t.Errorf("%s of what is not there counts", name)
		}
	}
	is(t, "the queue", stats(t, q), Stats{})
	is(t, "handed back", need[int64](t)(c.HandBack(t.Context())), 0)
	is(t, "reclaimed", len(reclaim(t, c, 1)), 0)
	if _, err := c.Wait(t.Context(), 1, time.Minute); err == nil || !strings.Contains(err.Error(), "NOGROUP") {
		t.Errorf("waiting: %v", err)
	}
	is(t, "the same job", enqueue(t, q, New{ID: "a", Handler: "h", Key: "k"})[0].Duplicate, false)
	is(t, "claimed", ids(claim(t, c, 2)), "a")
}

func TestWaitingEndsWhenTheLanesAreDeleted(t *testing.T) {
	server, q := newQueue(t)
	c, writer := q.Consumer("c", longLease), open(t, server, "test")
	claim(t, c, 1)
	deleted := make(chan error, 1)
	go func() {
		deleted <- whenBlocked(writer, func() error { return writer.redis.FlushAll(context.Background()).Err() })
	}()
	if jobs, err := c.Wait(t.Context(), 1, 2*time.Second); len(jobs) > 0 {
		t.Errorf("waiting brings %v (%v)", jobs, err)
	}
	if err := <-deleted; err != nil {
		t.Fatal(err)
	}
	enqueue(t, q, New{ID: "a", Handler: "h"})
	is(t, "claimed", ids(claim(t, c, 1)), "a")
}

// In a Redis that has reached its bound, jobs are refused, and those that are there come
// to their end.
func TestAFullRedisRefusesJobsAndEndsThoseItHas(t *testing.T) {
	server, q := newQueue(t)
	next := open(t, server, "next")
	jobs := append(numbered(6, "", New{Handler: "h"}), New{ID: "delayed", Handler: "h", Delay: time.Hour}, New{ID: "then", Handler: "h", Keep: time.Hour, Then: "next"})
	enqueue(t, q, jobs...)
	c, other := q.Consumer("c", longLease), q.Consumer("other", longLease)
	reclaim(t, other, 0)
	pass(t, q, time.Hour)
	do(t, q, "CONFIG", "SET", "maxmemory", "1")
	do(t, q, "CONFIG", "SET", "maxmemory-policy", "noeviction")

	if _, err := q.Enqueue(t.Context(), New{Handler: "h"}); err == nil || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("it enqueues: %v", err)
	}
	d := map[string]*Delivery{}
	for _, j := range claim(t, c, 10) {
		d[j.ID] = j
	}
	is(t, "claimed", len(d), 8)
	is(t, "acknowledged", ends["acknowledge"](t, c, d["1"]), true)
	is(t, "done", ends["complete"](t, c, d["then"]), true)
	is(t, "retried", ends["retry"](t, c, d["2"]), true)
	is(t, "failed", ends["fail"](t, c, d["3"]), true)
	need[[]Place](t)(c.Extend(t.Context(), []Place{d["4"].Place()}))
	is(t, "tried again", need[bool](t)(q.RetryFailed(t.Context(), find(t, q, "3"))), true)
	for _, p := range pending(t, q, "c") {
		if p.Place == d["5"].Place() {
			ageLease(t, q, p, longLease)
		}
	}
	is(t, "reclaimed", ids(reclaim(t, other, 10)), "5")
	is(t, "handed back", need[int64](t)(c.HandBack(t.Context())), 3)
	s := stats(t, q)
	is(t, "the queue", []int64{s.Waiting, s.Running, s.Delayed, s.Failed, s.Done, stats(t, next).Waiting}, []int64{4, 1, 1, 0, 2, 1})
}

func TestNothingIsLostWhenRedisIsKilledBetweenSteps(t *testing.T) {
	server, q := newQueue(t)
	restart := func() {
		t.Helper()
		server.Kill()
		if _, err := q.Enqueue(t.Context(), New{Handler: "h"}); err == nil {
			t.Error("it enqueues without Redis")
		}
		server.Start(t)
	}
	enqueue(t, q, New{ID: "a", Handler: "h", Payload: []byte("p"), Key: "k", Keep: time.Hour}, New{ID: "later", Handler: "h", Delay: 100 * time.Hour})
	restart()
	first, second := watched(t, q)
	is(t, "the same ID", enqueue(t, q, New{ID: "a", Handler: "h"})[0].Duplicate, true)
	d := claimOne(t, first)
	restart()
	is(t, "lost", len(need[[]Place](t)(first.Extend(t.Context(), []Place{d.Place()}))), 0)
	pass(t, q, longLease)
	d = reclaimOne(t, second)
	restart()
	is(t, "retried", need[bool](t)(second.Retry(t.Context(), d, 0)), true)
	restart()
	d = claimOne(t, first)
	is(t, "the job", []any{d.ID, d.Payload, d.Attempt, d.Crashes}, []any{"a", "p", 2, 1})
	need[bool](t)(first.Fail(t.Context(), d, "broken", 2))
	restart()
	need[bool](t)(q.RetryFailed(t.Context(), find(t, q, "a")))
	restart()
	claimOne(t, first)
	need[int64](t)(first.HandBack(t.Context()))
	restart()
	d = claimOne(t, first)
	is(t, "done", need[bool](t)(first.Complete(t.Context(), d, []byte("result"))), true)
	restart()
	result, there, err := q.Result(t.Context(), "a")
	is(t, "the result", []any{string(result), there, err}, []any{"result", true, nil})
	is(t, "the key", enqueue(t, q, New{Handler: "h", Key: "k"})[0], Receipt{"a", true})
	pass(t, q, 100*time.Hour)
	is(t, "the delayed one", ids(claim(t, first, 10)), "later")
}

// TestNothingIsLostWhileRedisIsKilledUnderLoad has jobs enqueued and done from all sides
// while Redis is killed again and again. Whoever gets no answer repeats the step.
func TestNothingIsLostWhileRedisIsKilledUnderLoad(t *testing.T) {
	const producers, consumers, kills, batch = 4, 4, 5, 20
	const lease = 50 * time.Millisecond
	server, q := newQueue(t)
	q.Bound = 5000
	var made, ended atomic.Int64 // jobs that are known to be in Redis; ends that count
	var stop atomic.Bool
	var producing, consuming sync.WaitGroup
	repeat := func(step func() error) {
		for step() != nil {
		}
	}
	for p := range producers {
		producing.Go(func() {
			for n := 0; !stop.Load(); n++ {
				jobs := numbered(batch, fmt.Sprint(p, "-", n, "-"), New{Handler: "h", Priority: Priority(n % 3)})
				repeat(func() error {
					_, err := q.Enqueue(context.Background(), jobs...)
					return err
				})
				made.Add(int64(len(jobs)))
			}
		})
	}
	var enough atomic.Bool
	for n := range consumers {
		consuming.Go(func() {
			c := q.Consumer(fmt.Sprint("c", n), lease)
			for !enough.Load() {
				claimed, _ := c.Claim(context.Background(), batch)
				again, _ := c.Reclaim(context.Background(), batch)
				for _, d := range append(claimed.Jobs, again...) {
					repeat(func() error {
						counted, err := c.Complete(context.Background(), d, nil)
						if counted {
							ended.Add(1)
						}
						return err
					})
				}
			}
		})
	}
	for range kills {
		for before := ended.Load(); ended.Load() < before+200; {
			stats(t, q)
		}
		server.Kill()
		server.Start(t)
	}
	stop.Store(true)
	producing.Wait()
	for s := stats(t, q); s.Done < made.Load() && s.Waiting+s.Running > 0; s = stats(t, q) {
	}
	enough.Store(true)
	consuming.Wait()
	s := stats(t, q)
	is(t, "the queue", []int64{s.Waiting, s.Running, s.Delayed, s.Failed, s.Enqueued, s.Done}, []int64{0, 0, 0, 0, made.Load(), made.Load()})
	if ended.Load() > s.Done {
		t.Errorf("%d ends count, %d are recorded", ended.Load(), s.Done)
	}
	is(t, "IDs in use", do(t, q, "HLEN", q.keys.ids), 0)
	t.Logf("%d jobs, %d of whose ends the answer was lost", s.Done, s.Done-ended.Load())
}
