//go:build servers

package queue

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestJobsAreClaimedByPriorityAndThenInOrder(t *testing.T) {
	_, q := newQueue(t)
	for n, p := range []Priority{Low, Normal, High} {
		enqueue(t, q, numbered(2, string(rune('a'+n)), New{Handler: "h", Priority: p})...)
	}
	c := q.Consumer("c", longLease)
	is(t, "none", ids(claim(t, c, 0)), "")
	is(t, "the first", ids(claim(t, c, 1)), "c1")
	is(t, "the next", ids(claim(t, c, 2)), "c2 b1")
	enqueue(t, q, New{ID: "urgent", Handler: "h", Priority: High})
	is(t, "the rest", ids(claim(t, q.Consumer("other", longLease), 10)), "urgent b2 a1 a2")
	is(t, "more", ids(claim(t, c, 10)), "")
	is(t, "running", stats(t, q).Running, 7)
}

func TestADelayedJobIsClaimedWhenItIsDue(t *testing.T) {
	_, q := newQueue(t)
	enqueue(t, q, New{ID: "later", Handler: "h", Delay: 2 * time.Hour, Priority: High, Payload: []byte("p"), Key: "k"},
		New{ID: "sooner", Handler: "h", Delay: time.Hour}, New{ID: "now", Handler: "h"})
	c := q.Consumer("c", longLease)
	got := need[Claimed](t)(c.Claim(t.Context(), 10))
	is(t, "at once", ids(got.Jobs), "now")
	if got.Due < 59*time.Minute || got.Due > time.Hour {
		t.Errorf("the next is due in %v", got.Due)
	}
	pass(t, q, time.Hour)
	is(t, "after an hour", ids(claim(t, c, 10)), "sooner")
	pass(t, q, time.Hour)
	d := claimOne(t, c)
	is(t, "after two", []any{d.ID, d.Payload, d.Key, d.lane}, []any{"later", "p", "k", 1})
	is(t, "the next is due in", need[Claimed](t)(c.Claim(t.Context(), 10)).Due < 0, true)
}

func TestManyDelayedJobsAreMovedInParts(t *testing.T) {
	_, q := newQueue(t)
	enqueue(t, q, numbered(maxMoves+50, "", New{Handler: "h", Delay: time.Hour})...)
	pass(t, q, time.Hour)
	c := q.Consumer("c", longLease)
	got := need[Claimed](t)(c.Claim(t.Context(), 1000))
	is(t, "at first", []any{len(got.Jobs), got.Due}, []any{maxMoves, time.Duration(0)})
	is(t, "then", len(claim(t, c, 1000)), 50)
}

func TestWhatIsNoJobAmongTheDelayedOnesHoldsNobodyUp(t *testing.T) {
	_, q := newQueue(t)
	members := []string{"no job", "", "\x00", "4a\nh\n", "0", "\n\n\n"}
	for _, m := range members {
		do(t, q, "ZADD", q.keys.delayed, 1, m)
	}
	for lane, m := range []string{"", "a", "a\nh\n", "\n\n\n"} {
		do(t, q, "ZADD", q.keys.delayed, 1, fmt.Sprint(max(lane, 1), m))
		members = append(members, m)
	}
	enqueue(t, q, New{ID: "good", Handler: "h"})
	var raw []string
	for _, d := range claim(t, q.Consumer("c", longLease), 100) {
		if d.ID == "good" {
			continue
		}
		if d.Fault == nil || d.ID != d.entry {
			t.Errorf("%s has no fault", d.ID)
		}
		need[bool](t)(q.Consumer("c", longLease).Fail(t.Context(), d, d.Fault.Error(), 1))
	}
	for _, f := range need[[]Failed](t)(q.Failed(t.Context(), "", 100)) {
		raw = append(raw, f.Fields[1])
	}
	slices.Sort(raw)
	slices.Sort(members)
	is(t, "what is kept", strings.Join(raw, "|"), strings.Join(members, "|"))
}

func TestAPausedQueueGivesNothingAway(t *testing.T) {
	_, q := newQueue(t)
	c, other := q.Consumer("c", longLease), q.Consumer("other", longLease)
	claim(t, other, 1) // so that there is something to wait on
	enqueue(t, q, numbered(2, "", New{Handler: "h"})...)
	running := claim(t, c, 1)
	if err := q.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	enqueue(t, q, New{ID: "due", Handler: "h", Delay: time.Hour})
	reclaim(t, c, 0)
	pass(t, q, time.Hour)
	got := need[Claimed](t)(c.Claim(t.Context(), 10))
	is(t, "a claim", []any{len(got.Jobs), got.Paused, got.Due < 0}, []any{0, true, true})
	is(t, "reclaimed", len(reclaim(t, other, 10)), 0)
	is(t, "stats", stats(t, q).Paused, true)

	waited := need[[]*Delivery](t)(other.Wait(t.Context(), 10, time.Second))
	is(t, "what waiting brings", ids(waited), "2")
	is(t, "paused, as Claim says before it is begun", need[Claimed](t)(other.Claim(t.Context(), 10)).Paused, true)
	is(t, "handed back", need[int64](t)(other.Return(t.Context(), []Place{waited[0].Place()})), 1)

	is(t, "what runs goes on to its end", need[bool](t)(c.Complete(t.Context(), running[0], nil)), true)
	if err := q.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	got = need[Claimed](t)(c.Claim(t.Context(), 10))
	is(t, "when it goes on", []any{ids(got.Jobs), got.Paused}, []any{"2 due", false})
}

func TestWaitingEndsWhenAJobComesAndWhenTheTimeIsOver(t *testing.T) {
	server, q := newQueue(t)
	c := q.Consumer("c", longLease)
	if _, err := c.Wait(t.Context(), 1, time.Millisecond); err == nil {
		t.Error("there is nothing to wait on, and no error")
	}
	claim(t, c, 1)
	is(t, "nothing comes", len(need[[]*Delivery](t)(c.Wait(t.Context(), 1, time.Millisecond))), 0)
	is(t, "it takes no time", len(need[[]*Delivery](t)(c.Wait(t.Context(), 1, 0))), 0)

	writer := open(t, server, "test")
	for _, p := range order {
		enqueueWhenBlocked(t, writer, New{ID: p.String(), Handler: "h", Priority: p, Payload: []byte("p")})
		jobs := need[[]*Delivery](t)(c.Wait(t.Context(), 1, time.Minute))
		if len(jobs) != 1 || jobs[0].ID != p.String() || jobs[0].Payload != "p" || jobs[0].Fault != nil || jobs[0].lane != p.lane() {
			t.Errorf("waiting for %v brings %+v", p, jobs)
		}
		need[bool](t)(c.Complete(t.Context(), jobs[0], nil))
	}

	for _, p := range order {
		enqueue(t, q, numbered(3, p.String(), New{Handler: "h", Priority: p})...)
	}
	is(t, "what is there already", ids(need[[]*Delivery](t)(c.Wait(t.Context(), 2, time.Minute))), "high1 high2 normal1 normal2 low1 low2")
	is(t, "0 is 1", ids(need[[]*Delivery](t)(c.Wait(t.Context(), 0, time.Minute))), "high3 normal3 low3")
}

// enqueueWhenBlocked enqueues, in the background, as soon as a client waits.
func enqueueWhenBlocked(t *testing.T, q *Queue, job New) {
	t.Helper()
	ended := make(chan error, 1)
	t.Cleanup(func() {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	go func() {
		ended <- whenBlocked(q, func() error {
			_, err := q.Enqueue(context.Background(), job)
			return err
		})
	}()
}

// whenBlocked does something as soon as a client of Redis waits.
func whenBlocked(q *Queue, do func() error) error {
	for {
		info, err := q.redis.Info(context.Background(), "clients").Result()
		if err != nil {
			return err
		}
		if strings.Contains(info, "blocked_clients:1\r") {
			return do()
		}
	}
}
