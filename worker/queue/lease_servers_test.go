//go:build servers

package queue

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// watched is two consumers, of whom the second has watched the queue for a lease.
func watched(t *testing.T, q *Queue) (first, second *Consumer) {
	t.Helper()
	first, second = q.Consumer("first", longLease), q.Consumer("second", longLease)
	reclaim(t, second, 0)
	pass(t, q, longLease)
	return first, second
}

func TestAJobWhoseLeaseHasRunOutGoesToAnother(t *testing.T) {
	_, q := newQueue(t)
	first, second := watched(t, q)
	enqueue(t, q, New{ID: "low", Handler: "h", Priority: Low}, New{ID: "a", Handler: "h", Payload: []byte("p")}, New{ID: "b", Handler: "h"})
	claim(t, first, 10)
	pass(t, q, longLease-time.Second)
	is(t, "before its end", len(reclaim(t, second, 10)), 0)
	pass(t, q, time.Second)
	got := reclaim(t, second, 2)
	is(t, "after it", ids(got), "a b")
	is(t, "the job", []any{got[0].Payload, got[0].Crashes, got[0].Attempt, got[0].Fault}, []any{"p", 1, 1, nil})
	is(t, "the rest", ids(reclaim(t, second, 2)), "low")
	pass(t, q, longLease)
	got = reclaim(t, first, 10)
	is(t, "again", fmt.Sprint(ids(got), got[0].Crashes), "a b low2")
}

func TestWhatIsExtendedIsNotReclaimedAndWhatIsReclaimedNotExtended(t *testing.T) {
	_, q := newQueue(t)
	first, second := watched(t, q)
	enqueue(t, q, numbered(2, "", New{Handler: "h"})...)
	jobs := claim(t, first, 2)
	pass(t, q, longLease)
	is(t, "lost", need[[]Place](t)(first.Extend(t.Context(), []Place{jobs[0].Place()})), []Place(nil))
	is(t, "reclaimed", ids(reclaim(t, second, 10)), "2")
	both := []Place{jobs[0].Place(), jobs[1].Place()}
	is(t, "then lost", need[[]Place](t)(first.Extend(t.Context(), both)), both[1:])
	for _, p := range pending(t, q, "") {
		want := owed{jobs[0].Place(), "first", p.idle, 1}
		if p.Place == both[1] {
			want = owed{both[1], "second", p.idle, 2}
		}
		is(t, "who has it", p, want)
	}
	need[int64](t)(second.Acknowledge(t.Context(), jobs[1:]))
	do(t, q, "XDEL", q.keys.lanes[1], jobs[0].entry)
	never := Place{1, "1-1"}
	is(t, "an end, a deletion by hand and what never was", need[[]Place](t)(first.Extend(t.Context(), []Place{both[1], both[0], never})), []Place{both[1], both[0], never})
	is(t, "by a consumer that is none", need[[]Place](t)(q.Consumer("nobody", longLease).Extend(t.Context(), both)), both)
	is(t, "nothing", need[[]Place](t)(first.Extend(t.Context(), nil)), []Place(nil))
}

func TestManyLeasesAreExtendedInOneCall(t *testing.T) {
	_, q := newQueue(t)
	c := q.Consumer("c", longLease)
	var places []Place
	for range 3 {
		enqueue(t, q, numbered(900, "", New{Handler: "h"})...)
		for _, d := range claim(t, c, 900) {
			places = append(places, d.Place())
		}
		do(t, q, "DEL", q.keys.ids)
	}
	pass(t, q, time.Hour)
	is(t, "lost", len(need[[]Place](t)(c.Extend(t.Context(), places))), 0)
	for _, p := range pending(t, q, "c") {
		if p.idle > 30*time.Minute {
			t.Fatalf("%v was not extended", p)
		}
	}
}

func TestNobodyReclaimsForOneLeaseAfterNobodyWatched(t *testing.T) {
	_, q := newQueue(t)
	first, second := watched(t, q)
	enqueue(t, q, New{ID: "a", Handler: "h"})
	claim(t, first, 1)
	pass(t, q, 10*longLease)
	do(t, q, "HINCRBY", q.keys.state, "watched", -(maxUnwatched + time.Second).Milliseconds())
	is(t, "after an outage", len(reclaim(t, second, 10)), 0)
	pass(t, q, longLease-time.Second)
	is(t, "within a lease", len(reclaim(t, second, 10)), 0)
	pass(t, q, time.Second)
	is(t, "after it", ids(reclaim(t, second, 10)), "a")

	pass(t, q, 10*longLease)
	do(t, q, "HINCRBY", q.keys.state, "watched", 2*maxUnwatched.Milliseconds())
	is(t, "when the clock was put back", len(reclaim(t, second, 10)), 0)
}

// With short leases a short outage is one.
func TestAnOutageThatShortLeasesDoNotOutlive(t *testing.T) {
	_, q := newQueue(t)
	lease := 2 * time.Second
	first, second := q.Consumer("first", lease), q.Consumer("second", lease)
	reclaim(t, second, 0)
	do(t, q, "HINCRBY", q.keys.state, "since", -longLease.Milliseconds())
	enqueue(t, q, New{ID: "a", Handler: "h"})
	claim(t, first, 1)
	pass(t, q, lease)
	do(t, q, "HINCRBY", q.keys.state, "watched", -lease.Milliseconds()/2)
	is(t, "after an outage of half a lease", len(reclaim(t, second, 10)), 0)
}

// How long a consumer is remembered is its own lease's measure.
func TestALongLeaseIsRememberedByThoseWithShortOnes(t *testing.T) {
	_, q := newQueue(t)
	long, short := q.Consumer("long", longLease), q.Consumer("short", time.Second)
	for _, c := range []*Consumer{long, short} {
		reclaim(t, c, 0)
	}
	do(t, q, "HINCRBY", q.keys.state, "since", -longLease.Milliseconds())
	do(t, q, "HDEL", q.keys.state, "searched")
	do(t, q, "ZINCRBY", q.keys.workers, -time.Minute.Milliseconds(), "long")
	reclaim(t, short, 10)
	is(t, "its lease", do(t, q, "HGET", q.keys.leases, "long"), fmt.Sprint(longLease.Milliseconds()))
}

func TestAQueueThatWasNeverWatchedIsNotReclaimedFrom(t *testing.T) {
	_, q := newQueue(t)
	enqueue(t, q, New{Handler: "h"})
	claim(t, q.Consumer("first", longLease), 1)
	pass(t, q, 10*longLease)
	is(t, "at first", len(reclaim(t, q.Consumer("second", longLease), 10)), 0)
	pass(t, q, longLease)
	is(t, "after a lease", len(reclaim(t, q.Consumer("second", longLease), 10)), 1)
}

func TestASearchThatFoundAllServesEverybodyForAWhile(t *testing.T) {
	_, q := newQueue(t)
	first, second := watched(t, q)
	enqueue(t, q, New{ID: "a", Handler: "h"})
	claim(t, first, 1)
	reclaim(t, second, 1)
	for _, p := range pending(t, q, "") {
		ageLease(t, q, p, longLease)
	}
	is(t, "in the same moment", len(reclaim(t, second, 1)), 0)
	do(t, q, "HINCRBY", q.keys.state, "searched", -500)
	is(t, "half a second later", len(reclaim(t, second, 1)), 1)
}

func TestAConsumerReclaimsWhatItNeverKnewThatItHad(t *testing.T) {
	_, q := newQueue(t)
	_, c := watched(t, q)
	enqueue(t, q, New{ID: "a", Handler: "h"})
	claim(t, c, 1) // and the answer is lost
	pass(t, q, longLease)
	is(t, "reclaimed", ids(reclaim(t, c, 1)), "a")
}

func TestConsumersThatDiedAreForgottenAndTheirJobsAreNot(t *testing.T) {
	_, q := newQueue(t)
	watcher, alive := watched(t, q)
	watcher.lease = time.Millisecond // how long a consumer was idle is real time
	enqueue(t, q, numbered(3, "", New{Handler: "h"})...)
	dead, owes := q.Consumer("dead", longLease), q.Consumer("owes", longLease)
	for _, c := range []*Consumer{dead, alive} {
		need[bool](t)(c.Complete(t.Context(), claim(t, c, 1)[0], nil))
	}
	claim(t, owes, 1)
	is(t, "at first", consumers(t, q, Normal), "dead owes second")
	reclaimed := ""
	for consumers(t, q, Normal) != "first second" {
		reclaim(t, alive, 0)
		reclaimed += ids(reclaim(t, watcher, 1))
		if p := pending(t, q, ""); len(p) != 1 {
			t.Fatalf("pending is %v", p)
		}
	}
	if reclaimed == "" {
		t.Error("a consumer was forgotten that owed something")
	}
	is(t, "workers", stats(t, q).Workers, 2)
}

// consumers are the names of those that a lane knows.
func consumers(t *testing.T, q *Queue, p Priority) string {
	t.Helper()
	list, err := q.redis.XInfoConsumers(t.Context(), q.keys.lanes[p.lane()-1], group).Result()
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(list))
	for n, c := range list {
		names[n] = c.Name
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}
