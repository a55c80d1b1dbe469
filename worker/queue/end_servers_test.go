//go:build servers

package queue

import (
	"testing"
	"time"
)

func TestAnAcknowledgedJobIsGoneAndCountsOnce(t *testing.T) {
	_, q := newQueue(t)
	first, second := watched(t, q)
	for _, p := range order {
		enqueue(t, q, New{Handler: "h", Priority: p}, New{Handler: "h", Priority: p})
	}
	jobs := claim(t, first, 10)
	pass(t, q, longLease)
	is(t, "reclaimed", len(reclaim(t, second, 10)), 6)
	is(t, "some, in any order", need[int64](t)(first.Acknowledge(t.Context(), []*Delivery{jobs[5], jobs[0], jobs[2]})), 3)
	is(t, "all", need[int64](t)(second.Acknowledge(t.Context(), jobs)), 3)
	is(t, "again", need[int64](t)(second.Acknowledge(t.Context(), jobs)), 0)
	is(t, "none", need[int64](t)(second.Acknowledge(t.Context(), nil)), 0)
	s := stats(t, q)
	is(t, "the queue", []int64{s.Waiting, s.Running, s.Done, s.Enqueued}, []int64{0, 0, 6, 6})
	is(t, "pending", len(pending(t, q, "")), 0)
}

func TestMoreJobsThanOneCommandTakesAreAcknowledged(t *testing.T) {
	_, q := newQueue(t)
	c := q.Consumer("c", longLease)
	const n = 2500
	for range n / 500 {
		enqueue(t, q, numbered(500, "", New{Handler: "h"})...)
		do(t, q, "DEL", q.keys.ids)
	}
	is(t, "acknowledged", need[int64](t)(c.Acknowledge(t.Context(), claim(t, c, n))), n)
	is(t, "waiting and running", stats(t, q).Waiting+stats(t, q).Running, 0)
}

// ends are the transitions that end a job that was claimed.
var ends = map[string]func(t *testing.T, c *Consumer, d *Delivery) bool{
	"acknowledge": func(t *testing.T, c *Consumer, d *Delivery) bool {
		return need[int64](t)(c.Acknowledge(t.Context(), []*Delivery{d})) == 1
	},
	"complete": func(t *testing.T, c *Consumer, d *Delivery) bool {
		return need[bool](t)(c.Complete(t.Context(), d, []byte("result")))
	},
	"retry": func(t *testing.T, c *Consumer, d *Delivery) bool {
		return need[bool](t)(c.Retry(t.Context(), d, time.Hour))
	},
	"fail": func(t *testing.T, c *Consumer, d *Delivery) bool {
		return need[bool](t)(c.Fail(t.Context(), d, "broken", 1))
	},
}

func TestOfTwoEndsTheFirstCountsAndTheSecondChangesNothing(t *testing.T) {
	for one, first := range ends {
		for other, second := range ends {
			t.Run(one+" and "+other, func(t *testing.T) {
				_, q := newQueue(t)
				a, b := watched(t, q)
				enqueue(t, q, New{Handler: "h", Then: "next", Keep: time.Hour})
				d := claimOne(t, a)
				pass(t, q, longLease)
				again := reclaimOne(t, b)
				if !first(t, a, d) {
					t.Error("the first does not count")
				}
				before := everything(t, q)
				if second(t, b, again) || second(t, a, d) {
					t.Error("the second counts")
				}
				is(t, "everything", everything(t, q), before)
				is(t, "running", stats(t, q).Running, 0)
			})
		}
	}
}

// everything is all that Redis has, but for what depends on the time.
func everything(t *testing.T, q *Queue) map[string]any {
	t.Helper()
	all := map[string]any{}
	for _, key := range do(t, q, "KEYS", "*").([]any) {
		all[key.(string)] = do(t, q, "DUMP", key)
	}
	return all
}

func TestAResultIsKeptForItsTimeAndWithItTheKey(t *testing.T) {
	_, q := newQueue(t)
	c := q.Consumer("c", longLease)
	first := enqueue(t, q, New{Handler: "h", Key: "k", Keep: time.Hour})[0]
	_, there, err := q.Result(t.Context(), first.ID)
	is(t, "before the end", []any{there, err}, []any{false, nil})
	need[bool](t)(c.Complete(t.Context(), claimOne(t, c), []byte("\x00result")))
	result, there, err := q.Result(t.Context(), first.ID)
	is(t, "the result", []any{string(result), there, err}, []any{"\x00result", true, nil})
	is(t, "a second job of the key", enqueue(t, q, New{Handler: "h", Key: "k"})[0], Receipt{first.ID, true})
	for _, key := range []string{q.keys.result(first.ID), q.keys.of("k")} {
		if left := do(t, q, "PTTL", key).(int64); left < 59*60_000 || left > 60*60_000 {
			t.Errorf("%s is kept for %d ms", key, left)
		}
		do(t, q, "PEXPIRE", key, 0) // as if its time were over
	}
	if _, there, _ := q.Result(t.Context(), first.ID); there {
		t.Error("the result outlives its time")
	}
	is(t, "then", enqueue(t, q, New{Handler: "h", Key: "k"})[0].Duplicate, false)

	need[bool](t)(c.Complete(t.Context(), claimOne(t, c), []byte("unwanted")))
	enqueue(t, q, New{ID: "empty", Handler: "h", Keep: time.Hour})
	need[bool](t)(c.Complete(t.Context(), claimOne(t, c), nil))
	result, there, err = q.Result(t.Context(), "empty")
	is(t, "an empty result", []any{string(result), there, err}, []any{"", true, nil})
	is(t, "keys of results", len(do(t, q, "KEYS", q.keys.result("*")).([]any)), 1)
}

func TestAResultIsThePayloadOfAnotherQueuesJob(t *testing.T) {
	server, q := newQueue(t)
	next := open(t, server, "next")
	next.Bound = 0 // which does not hold it up
	c, after := q.Consumer("c", longLease), next.Consumer("c", longLease)
	for _, p := range order {
		for _, job := range []New{
			{Handler: "h", Priority: p, Then: "next"},
			{ID: "named", Handler: "h", Priority: p, Then: "next", ThenHandler: "other", Key: "k", Keep: time.Hour},
		} {
			id := enqueue(t, q, job)[0].ID
			need[bool](t)(c.Complete(t.Context(), claimOne(t, c), []byte("result")))
			d := claimOne(t, after)
			handler := "h"
			if job.ThenHandler != "" {
				handler = "other"
			}
			is(t, "the job that follows", []any{d.ID, d.Handler, d.Payload, d.lane, d.Key, d.Attempts, d.Fault, d.Plain()},
				[]any{id, handler, "result", p.lane(), "", DefaultAttempts, nil, job.ID == ""})
			need[bool](t)(after.Complete(t.Context(), d, nil))
			do(t, q, "DEL", q.keys.of("k"))
		}
	}
	is(t, "enqueued there", stats(t, next).Enqueued, 6)
	is(t, "waiting there", stats(t, next).Waiting, 0)

	next.Bound = 1
	enqueue(t, next, New{ID: "twice", Handler: "h"})
	enqueue(t, q, New{ID: "twice", Handler: "h", Then: "next"}, New{ID: "itself", Handler: "h", Then: "test", ThenHandler: "second"})
	twice := ""
	for _, d := range claim(t, c, 10) {
		need[bool](t)(c.Complete(t.Context(), d, []byte("r")))
		if d.ID == "twice" {
			twice = "twice@" + d.entry
		}
	}
	is(t, "an ID that is there already", ids(claim(t, after, 10)), "twice "+twice)
	d := claimOne(t, c)
	is(t, "in the same queue", []any{d.ID, d.Handler, d.options}, []any{"itself", "second", options{Named: true}})
	is(t, "its ID is in use", enqueue(t, q, New{ID: "itself", Handler: "h"})[0].Duplicate, true)
}

func TestARetriedJobComesBackWithOneAttemptLess(t *testing.T) {
	_, q := newQueue(t)
	first, second := watched(t, q)
	was := New{ID: "a", Handler: "h", Payload: []byte("p"), Priority: Low, MaxAttempts: 5, Key: "k", Then: "next", Timeout: time.Second}
	enqueue(t, q, was)
	d := claimOne(t, first)
	enqueued := d.Enqueued
	pass(t, q, longLease)
	d = reclaimOne(t, second)
	is(t, "counts", need[bool](t)(second.Retry(t.Context(), d, time.Hour)), true)
	is(t, "before its time", len(claim(t, first, 1)), 0)
	pass(t, q, time.Hour)
	d = claimOne(t, first)
	is(t, "the job", []any{d.ID, d.Handler, d.Payload, d.Key, d.Timeout, d.lane, d.Attempt, d.Attempts, d.Crashes, d.Enqueued.Equal(enqueued), d.options.Then, d.Fault},
		[]any{"a", "h", "p", "k", time.Second, 3, 2, 5, 1, true, "next", nil})
	need[bool](t)(first.Retry(t.Context(), d, 0))
	d = claimOne(t, first)
	is(t, "with no delay", []any{d.Attempt, d.Crashes, d.Enqueued.Equal(enqueued)}, []any{3, 1, true})
	is(t, "retried", stats(t, q).Retried, 2)
}
