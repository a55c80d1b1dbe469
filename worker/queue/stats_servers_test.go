//go:build servers

package queue

import (
	"testing"
	"time"
)

func TestStatsTellHowAQueueIs(t *testing.T) {
	_, q := newQueue(t)
	is(t, "a queue that was never used", stats(t, q), Stats{})
	c := q.Consumer("c", longLease)
	claim(t, c, 1)
	is(t, "a queue without jobs", stats(t, q), Stats{})

	enqueue(t, q, numbered(9, "", New{Handler: "h", Priority: Low})...)
	enqueue(t, q, New{Handler: "h", Delay: time.Hour}, New{ID: "x", Handler: "h", Priority: High})
	jobs := claim(t, c, 5)
	need[bool](t)(c.Complete(t.Context(), jobs[0], nil))
	need[bool](t)(c.Complete(t.Context(), jobs[1], nil))
	need[bool](t)(c.Retry(t.Context(), jobs[2], time.Hour))
	need[bool](t)(c.Fail(t.Context(), jobs[3], "broken", 1))
	reclaim(t, c, 0)
	reclaim(t, q.Consumer("other", longLease), 0)
	s := stats(t, q)
	if s.Oldest < 0 || s.Oldest > time.Minute {
		t.Errorf("the oldest has waited for %v", s.Oldest)
	}
	s.Oldest = 0
	is(t, "a queue with jobs", s, Stats{Waiting: 5, Running: 1, Delayed: 2, Failed: 1, Rate: 2.0 / 60, Workers: 2, Enqueued: 11, Done: 2, Retried: 1, Failures: 1})
	pass(t, q, quietWorker)
	is(t, "workers that were not heard of", stats(t, q).Workers, 0)
}

func TestTheOldestIsTheFirstThatWaits(t *testing.T) {
	_, q := newQueue(t)
	now := time.Now()
	for lane, hours := range []int{3, 2, 1} {
		for h := hours; h > 0; h -= hours - h + 1 {
			do(t, q, "XADD", q.keys.lanes[lane], now.Add(-time.Duration(h)*time.Hour).UnixMilli(), "handler", "h")
		}
	}
	c := q.Consumer("c", longLease)
	for _, want := range []time.Duration{3 * time.Hour, 2 * time.Hour, 2 * time.Hour, time.Hour} {
		if got := stats(t, q).Oldest; got < want-time.Minute || got > want+time.Minute {
			t.Errorf("the oldest has waited for %v, want %v", got, want)
		}
		claim(t, c, 1)
	}
}

func TestTheRateIsOfTheLastMinute(t *testing.T) {
	_, q := newQueue(t)
	step := time.Now().Unix() / 5
	do(t, q, "HSET", q.keys.rate, step-1, 60, step-13, 1000, step-20, 1000)
	is(t, "the rate", stats(t, q).Rate, 1)
	c := q.Consumer("c", longLease)
	enqueue(t, q, New{Handler: "h"})
	need[int64](t)(c.Acknowledge(t.Context(), claim(t, c, 1)))
	if n := do(t, q, "HLEN", q.keys.rate).(int64); n > 3 {
		t.Errorf("%d steps are kept, also old ones", n)
	}
}
