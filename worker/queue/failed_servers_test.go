//go:build servers

package queue

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// failOne enqueues a job and fails it.
func failOne(t *testing.T, q *Queue, job New) Failed {
	t.Helper()
	c := q.Consumer("failing", longLease)
	enqueue(t, q, job)
	d := claimOne(t, c)
	if !need[bool](t)(c.Fail(t.Context(), d, "broken", d.Attempt)) {
		t.Fatal("the failure does not count")
	}
	return find(t, q, d.ID)
}

func find(t *testing.T, q *Queue, id string) Failed {
	t.Helper()
	f, there, err := q.FindFailed(t.Context(), id)
	if err != nil || !there {
		t.Fatalf("failed job %s is there: %v (%v)", id, there, err)
	}
	return f
}

func TestAFailedJobIsKeptWithAllThatItWas(t *testing.T) {
	_, q := newQueue(t)
	c := q.Consumer("c", longLease)
	before := time.Now().Add(-time.Second)
	enqueue(t, q, New{ID: "a", Handler: "h", Payload: []byte("\x00p"), Priority: High, Key: "k", MaxAttempts: 2})
	need[bool](t)(c.Retry(t.Context(), claimOne(t, c), 0))
	d := claimOne(t, c)
	is(t, "counts", need[bool](t)(c.Fail(t.Context(), d, strings.Repeat("e", maxError+1), 2)), true)
	f := find(t, q, "a")
	is(t, "the job", []any{f.ID, f.Handler, string(f.Payload), f.Priority, f.Key, f.Attempts, len(f.Error), f.Enqueued.Equal(d.Enqueued)},
		[]any{"a", "h", "\x00p", High, "k", 2, maxError, true})
	is(t, "its fields", f.Fields, []string{"id", "a", "handler", "h", "payload", "\x00p", "options", d.options.String()})
	if f.FailedAt.Before(before) || f.FailedAt.After(time.Now().Add(time.Second)) {
		t.Errorf("it failed at %v", f.FailedAt)
	}
	s := stats(t, q)
	is(t, "the queue", []int64{s.Waiting, s.Running, s.Delayed, s.Failed, s.Failures, s.Done}, []int64{0, 0, 0, 1, 1, 0})
	list := need[[]Failed](t)(q.Failed(t.Context(), "", 10))
	is(t, "the list", list, []Failed{f})
}

func TestFailedJobsAreListedInParts(t *testing.T) {
	_, q := newQueue(t)
	is(t, "at first", len(need[[]Failed](t)(q.Failed(t.Context(), "", 10))), 0)
	for _, id := range []string{"a", "b", "c"} {
		failOne(t, q, New{ID: id, Handler: "h"})
	}
	after, all := "", ""
	for range 3 {
		part := need[[]Failed](t)(q.Failed(t.Context(), after, 2))
		for _, f := range part {
			all += f.ID
			after = f.Cursor()
		}
		all += "|"
	}
	is(t, "the parts", all, "ab|c||")
	enqueue(t, q, New{ID: "waits", Handler: "h"})
	for _, id := range []string{"waits", "nobody"} {
		if _, there, err := q.FindFailed(t.Context(), id); there || err != nil {
			t.Errorf("%s has failed: %v (%v)", id, there, err)
		}
	}
}

func TestWhatOthersWroteIntoTheFailedQueueIsListedTriedAndDiscarded(t *testing.T) {
	_, q := newQueue(t)
	c := q.Consumer("c", longLease)
	entry := do(t, q, "XADD", q.keys.failed, "*", "handler", "h", "payload", "p").(string)
	do(t, q, "XADD", q.keys.failed, "*", "by", "hand")
	failOne(t, q, New{ID: "a", Handler: "h"})
	list := need[[]Failed](t)(q.Failed(t.Context(), "", 10))
	is(t, "IDs", []string{list[0].ID, list[2].ID}, []string{entry, "a"})
	for _, f := range list[:2] {
		if f.Fault == nil || !strings.Contains(f.Fault.Error(), "is no job") || len(f.Fields) == 0 {
			t.Errorf("an entry that is no failed job: %+v", f)
		}
		is(t, "found", find(t, q, f.ID), f)
	}
	is(t, "tried again", need[bool](t)(q.RetryFailed(t.Context(), list[0])), true)
	is(t, "the job", claimOne(t, c).Handler, "h")
	is(t, "discarded", need[int64](t)(q.Discard(t.Context(), list[1])), 1)
	is(t, "failed", stats(t, q).Failed, 1)
	for _, id := range []string{entry, "99999999999999999999-1"} {
		if _, there, err := q.FindFailed(t.Context(), id); there || err != nil {
			t.Errorf("%s has failed: %v (%v)", id, there, err)
		}
	}
}

func TestAFailedJobTriedAgainHasAllItsAttempts(t *testing.T) {
	_, q := newQueue(t)
	c, other := watched(t, q)
	for _, id := range []string{"", "named"} {
		enqueue(t, q, New{ID: id, Handler: "h", Payload: []byte("p"), Priority: Low, MaxAttempts: 3, Key: "k", Deadline: time.Now().Add(time.Hour)})
		d := claimOne(t, c)
		enqueued := d.Enqueued
		need[bool](t)(c.Retry(t.Context(), d, 0))
		claimOne(t, c)
		pass(t, q, longLease)
		d = reclaimOne(t, other)
		is(t, "before", []int{d.Attempt, d.Crashes}, []int{2, 1})
		need[bool](t)(other.Fail(t.Context(), d, "broken", 2))
		f := find(t, q, d.ID)
		is(t, "it was there", need[bool](t)(q.RetryFailed(t.Context(), f)), true)
		is(t, "a second time", need[bool](t)(q.RetryFailed(t.Context(), f)), false)
		is(t, "discarded", need[int64](t)(q.Discard(t.Context(), f)), 0)
		again := claimOne(t, c)
		is(t, "the job", []any{again.ID, again.Handler, again.Payload, again.lane, again.Attempt, again.Attempts, again.Crashes, again.Key, again.Deadline.IsZero(), again.Enqueued.Equal(enqueued), again.Fault},
			[]any{d.ID, "h", "p", 3, 1, 3, 0, "k", true, true, nil})
		is(t, "its ID is in use", do(t, q, "HEXISTS", q.keys.ids, d.ID), map[bool]int{true: 1}[id != ""])
		need[bool](t)(c.Complete(t.Context(), again, nil))
	}
	is(t, "failed", stats(t, q).Failed, 0)
	is(t, "IDs in use", do(t, q, "HLEN", q.keys.ids), 0)
	is(t, "keys in use", len(do(t, q, "KEYS", q.keys.of("*")).([]any)), 0)
}

func TestAFailedJobsKeyIsFreeAndTakenAgainIfItCanBe(t *testing.T) {
	_, q := newQueue(t)
	c := q.Consumer("c", longLease)
	f := failOne(t, q, New{ID: "a", Handler: "h", Key: "k"})
	is(t, "another job of the key", enqueue(t, q, New{ID: "b", Handler: "h", Key: "k"})[0], Receipt{"b", false})
	there, err := q.RetryFailed(t.Context(), f)
	if !there || !errors.Is(err, ErrKeyTaken) || !strings.Contains(err.Error(), "b") {
		t.Errorf("tried again meanwhile: %v, %v", there, err)
	}
	is(t, "failed", stats(t, q).Failed, 1)
	need[bool](t)(c.Complete(t.Context(), claimOne(t, c), nil))
	is(t, "tried again then", need[bool](t)(q.RetryFailed(t.Context(), f)), true)
	is(t, "a third job of the key", enqueue(t, q, New{Handler: "h", Key: "k"})[0], Receipt{"a", true})
}

func TestDiscardedJobsAreGoneAndTheirIDsFree(t *testing.T) {
	_, q := newQueue(t)
	a, b := failOne(t, q, New{ID: "a", Handler: "h"}), failOne(t, q, New{ID: "b", Handler: "h"})
	is(t, "none", need[int64](t)(q.Discard(t.Context())), 0)
	is(t, "two and one twice", need[int64](t)(q.Discard(t.Context(), a, b, a)), 2)
	is(t, "failed", stats(t, q).Failed, 0)
	is(t, "enqueued anew", enqueue(t, q, New{ID: "a", Handler: "h"}), []Receipt{{"a", false}})
	is(t, "the old one", need[int64](t)(q.Discard(t.Context(), a)), 0)
	is(t, "the new one's ID", enqueue(t, q, New{ID: "a", Handler: "h"}), []Receipt{{"a", true}})

	c := q.Consumer("c", longLease)
	claim(t, c, 10)
	var many []Failed
	for range MaxBatch + 1 {
		many = append(many, Failed{entry: "1-1", ID: "x"})
	}
	is(t, "many at once", need[int64](t)(q.Discard(t.Context(), many...)), 0)
}

func TestWhatSomebodyWroteByHandIsKeptAsItWas(t *testing.T) {
	_, q := newQueue(t)
	c := q.Consumer("c", longLease)
	long := []any{"XADD", q.keys.lanes[1], "*"}
	for range 600 {
		long = append(long, "f", "v")
	}
	cases := []struct {
		name, fault string
		fields      []any
	}{
		{"no handler", "no handler", []any{"payload", "\xff\x00"}},
		{"a field that is none", `field "colour"`, []any{"handler", "h", "colour", "red"}},
		{"options that do not decode", "options", []any{"handler", "h", "options", "{"}},
		{"an ID with a line's end", "ID", []any{"id", "a\nb", "handler", "h"}},
		{"our own fields", `field "failed-lane"`, []any{"failed-lane", "9", "handler", "h", "failed-id", "x", "failed-error", "y"}},
		{"a field twice", "options", []any{"handler", "h", "options", "[]", "handler", "g"}},
		{"a payload that is too large", "payload: 1048577 bytes", []any{"handler", "h", "payload", strings.Repeat("x", MaxPayload+1)}},
	}
	for _, k := range cases {
		entry := do(t, q, append([]any{"XADD", q.keys.lanes[1], "*"}, k.fields...)...).(string)
		d := claimOne(t, c)
		if d.Fault == nil || !strings.Contains(d.Fault.Error(), k.fault) || d.ID != entry {
			t.Errorf("%s: the fault of %s is %v", k.name, d.ID, d.Fault)
		}
		need[bool](t)(c.Fail(t.Context(), d, d.Fault.Error(), 1))
		f := find(t, q, entry)
		raw := make([]string, len(k.fields))
		for n := range raw {
			raw[n] = k.fields[n].(string)
		}
		if !slices.Equal(f.Fields, raw) || f.Error != d.Fault.Error() {
			t.Errorf("%s: %q is kept, because of %s", k.name, f.Fields, f.Error)
		}
		need[bool](t)(q.RetryFailed(t.Context(), f))
		again := claimOne(t, c)
		is(t, k.name+", tried again", again.Fault, d.Fault)
		need[bool](t)(c.Fail(t.Context(), again, again.Fault.Error(), 1))
		is(t, k.name+", failed again", slices.Equal(find(t, q, again.ID).Fields, raw), true)
	}

	entry := do(t, q, long...).(string)
	d := claimOne(t, c)
	is(t, "a job with 600 fields goes back", need[int64](t)(c.HandBack(t.Context())), 0)
	need[bool](t)(c.Fail(t.Context(), d, "long", 1))
	f := find(t, q, entry)
	is(t, "a job with 600 fields", []any{f.Fields[0], strings.Count(f.Fields[1], "\xa1f\xa1v")}, []any{"raw", 600})
	is(t, "pending", len(pending(t, q, "")), 0)
}
