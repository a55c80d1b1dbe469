//go:build servers

package queue

import (
	"testing"
	"time"
)

func TestHandedBackJobsAreAsTheyWere(t *testing.T) {
	_, q := newQueue(t)
	first, second := watched(t, q)
	enqueue(t, q, New{ID: "a", Handler: "h", Payload: []byte("p"), Priority: Low, MaxAttempts: 3, Deadline: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)},
		New{Handler: "h"})
	d := claim(t, first, 2)
	need[bool](t)(first.Retry(t.Context(), d[1], 0))
	was := claimOne(t, first)
	is(t, "handed back", need[int64](t)(first.HandBack(t.Context())), 2)
	is(t, "again", need[int64](t)(first.HandBack(t.Context())), 0)
	s := stats(t, q)
	is(t, "the queue", []int64{s.Waiting, s.Running, s.HandedBack, s.Retried, s.Done}, []int64{2, 0, 2, 1, 0})
	jobs := claim(t, second, 10)
	now := *jobs[1]
	if now.Place() == was.Place() {
		t.Error("its entry is the same")
	}
	now.entry = was.entry
	is(t, "the job", now, *was)
	is(t, "the other", []any{jobs[0].ID, jobs[0].Enqueued.Equal(d[0].Enqueued), jobs[0].Attempt, jobs[0].Crashes, jobs[0].Fault}, []any{d[0].ID, true, 1, 0, nil})
	is(t, "ended by who had it", need[bool](t)(first.Complete(t.Context(), was, nil)), false)
	is(t, "lost to who had it", need[[]Place](t)(first.Extend(t.Context(), []Place{d[0].Place()})), []Place{d[0].Place()})
}

func TestHandingBackKeepsCrashesAndWhoTheJobIs(t *testing.T) {
	_, q := newQueue(t)
	first, second := watched(t, q)
	entry := do(t, q, "XADD", q.keys.lanes[1], "*", "handler", "h").(string)
	was := claimOne(t, first)
	for crashes := 1; crashes <= 3; crashes++ {
		pass(t, q, longLease)
		reclaim(t, second, 1) // of which the answer is lost
		is(t, "handed back", need[int64](t)(second.HandBack(t.Context())), 1)
		d := claimOne(t, first)
		is(t, "the job", []any{d.ID, d.Crashes, d.Attempt, d.Enqueued.Equal(was.Enqueued), d.Fault}, []any{entry, crashes, 1, true, nil})
	}
	need[int64](t)(first.HandBack(t.Context()))
	d := claimOne(t, first)
	need[bool](t)(first.Retry(t.Context(), d, 0))
	d = claimOne(t, first)
	is(t, "after a retry", []any{d.ID, d.Crashes, d.Attempt, d.Enqueued.Equal(was.Enqueued)}, []any{entry, 3, 2, true})
	need[int64](t)(first.HandBack(t.Context()))
	d = claimOne(t, first)
	need[bool](t)(first.Fail(t.Context(), d, "broken", 2))
	f := find(t, q, entry)
	is(t, "when it has failed", f.Enqueued.Equal(was.Enqueued), true)
	need[bool](t)(q.RetryFailed(t.Context(), f))
	d = claimOne(t, first)
	is(t, "tried again", []any{d.ID, d.Crashes, d.Attempt, d.Enqueued.Equal(was.Enqueued), d.Fault}, []any{entry, 0, 1, true, nil})
}

func TestAllThatAConsumerOwesIsHandedBack(t *testing.T) {
	_, q := newQueue(t)
	c, other := q.Consumer("c", longLease), q.Consumer("other", longLease)
	is(t, "of a queue that was never used", need[int64](t)(c.HandBack(t.Context())), 0)
	for _, p := range order {
		enqueue(t, q, numbered(250, p.String(), New{Handler: "h", Priority: p})...)
	}
	claim(t, other, 10)
	claim(t, c, 640)
	need[[]*Delivery](t)(c.Wait(t.Context(), 100, time.Minute)) // of which the answer is lost
	do(t, q, "XDEL", q.keys.lanes[2], pending(t, q, "c")[739].entry)
	is(t, "handed back", need[int64](t)(c.HandBack(t.Context())), 739)
	is(t, "what it owes", len(pending(t, q, "c")), 0)
	is(t, "what another owes", len(pending(t, q, "other")), 10)
	is(t, "waiting", stats(t, q).Waiting, 739)
	is(t, "the first", claim(t, c, 1)[0].ID, "high11")
}

func TestSomeJobsAloneAreHandedBack(t *testing.T) {
	_, q := newQueue(t)
	first, second := watched(t, q)
	enqueue(t, q, New{ID: "a", Handler: "h", Priority: High}, New{ID: "b", Handler: "h"}, New{ID: "c", Handler: "h", Priority: Low}, New{ID: "d", Handler: "h"})
	jobs := claim(t, first, 4) // a b d c
	var places []Place
	for _, d := range jobs {
		places = append(places, d.Place())
	}
	is(t, "of another", need[int64](t)(second.Return(t.Context(), places)), 0)
	is(t, "none", need[int64](t)(first.Return(t.Context(), nil)), 0)
	is(t, "some", need[int64](t)(first.Return(t.Context(), []Place{places[0], places[3]})), 2)
	is(t, "again", need[int64](t)(first.Return(t.Context(), []Place{places[0], places[3]})), 0)
	is(t, "what it still owes", len(pending(t, q, "first")), 2)
	is(t, "claimed by another", ids(claim(t, second, 10)), "a c")
	is(t, "handed back", stats(t, q).HandedBack, 2)
}

func TestAConsumerLeavesOnlyWhenItOwesNothing(t *testing.T) {
	_, q := newQueue(t)
	c := q.Consumer("c", longLease)
	is(t, "a queue that was never used", need[bool](t)(c.Leave(t.Context())), true)
	reclaim(t, c, 0)
	for _, p := range order {
		enqueue(t, q, New{ID: p.String(), Handler: "h", Priority: p})
		claimOne(t, c)
		is(t, "while it owes something", need[bool](t)(c.Leave(t.Context())), false)
		is(t, "is known", consumers(t, q, p), "c")
		need[int64](t)(c.HandBack(t.Context()))
		is(t, "then", need[bool](t)(c.Leave(t.Context())), true)
		is(t, "is known", consumers(t, q, p), "")
		need[bool](t)(c.Complete(t.Context(), claimOne(t, c), nil))
	}
	reclaim(t, c, 0)
	is(t, "workers", stats(t, q).Workers, 1)
	need[bool](t)(c.Leave(t.Context()))
	is(t, "workers when it has left", stats(t, q).Workers, 0)
}
