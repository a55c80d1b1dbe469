//go:build servers

package queue

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAJobIsDeliveredAsItWasEnqueued(t *testing.T) {
	_, q := newQueue(t)
	deadline := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	before := time.Now().Add(-time.Second)
	enqueue(t, q, New{
		ID: "käse 1", Handler: "h", Payload: []byte("\x00\xff{}"), Priority: Low, MaxAttempts: 3, Timeout: 1500 * time.Microsecond,
		Deadline: deadline, Key: "k", Keep: time.Minute, Then: "next", ThenHandler: "other",
	}, New{Handler: "plain"})
	jobs := claim(t, q.Consumer("c", longLease), 10)
	if len(jobs) != 2 {
		t.Fatalf("%d jobs are claimed", len(jobs))
	}
	plain, d := jobs[0], jobs[1]
	is(t, "the job", []any{d.ID, d.Handler, d.Payload, d.Key, d.Timeout, d.Deadline.Equal(deadline), d.Attempt, d.Attempts, d.Crashes, d.Fault, d.Plain()},
		[]any{"käse 1", "h", "\x00\xff{}", "k", 2 * time.Millisecond, true, 1, 3, 0, nil, false})
	is(t, "its options", d.options, options{MaxAttempts: 3, Timeout: 2, Deadline: deadline.UnixMilli(), Key: "k", Keep: 60_000, Then: "next", ThenHandler: "other", Named: true})
	if d.Enqueued.Before(before) || d.Enqueued.After(time.Now().Add(time.Second)) {
		t.Errorf("it was enqueued %v", d.Enqueued)
	}
	is(t, "the plain one", []any{len(plain.ID) > 20, plain.Handler, plain.Payload, plain.Attempts, plain.Deadline.IsZero(), plain.Fault, plain.Plain()},
		[]any{true, "plain", "", DefaultAttempts, true, nil, true})
}

func TestAnIDIsEnqueuedOnceUntilItsJobHasEnded(t *testing.T) {
	_, q := newQueue(t)
	c := q.Consumer("c", longLease)
	again := func(when string, duplicate bool) {
		t.Helper()
		is(t, when, enqueue(t, q, New{ID: "a", Handler: "h"}), []Receipt{{"a", duplicate}})
	}
	again("at first", false)
	again("while it waits", true)
	d := claimOne(t, c)
	again("while it runs", true)
	if !need[bool](t)(c.Retry(t.Context(), d, time.Hour)) {
		t.Fatal("the retry does not count")
	}
	again("while it is delayed", true)
	pass(t, q, time.Hour)
	d = claimOne(t, c)
	need[bool](t)(c.Fail(t.Context(), d, "broken", 2))
	again("when it has failed", true)
	f, _, err := q.FindFailed(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	need[bool](t)(q.RetryFailed(t.Context(), f))
	again("when it is tried again", true)
	need[bool](t)(c.Complete(t.Context(), claimOne(t, c), nil))
	again("when it is done", false)
	is(t, "two in one call", enqueue(t, q, New{ID: "b", Handler: "h"}, New{ID: "b", Handler: "h"}), []Receipt{{"b", false}, {"b", true}})
	is(t, "waiting", stats(t, q).Waiting, 2)
}

func TestAKeyIsEnqueuedOnceUntilItsJobHasEnded(t *testing.T) {
	_, q := newQueue(t)
	c := q.Consumer("c", longLease)
	first := enqueue(t, q, New{Handler: "h", Key: "k"})[0]
	is(t, "a second one", enqueue(t, q, New{Handler: "h", Key: "k"}, New{Handler: "h", Key: "other"}, New{ID: "mine", Handler: "h", Key: "k"}),
		[]Receipt{{first.ID, true}, {enqueuedID(t, q, "other"), false}, {first.ID, true}})
	is(t, "an ID whose job was not added", enqueue(t, q, New{ID: "mine", Handler: "h"})[0].Duplicate, false)
	for _, d := range claim(t, c, 10) {
		if d.Plain() {
			t.Errorf("%s is plain", d.ID)
		}
		need[bool](t)(c.Complete(t.Context(), d, nil))
	}
	is(t, "when it is done", enqueue(t, q, New{Handler: "h", Key: "k"})[0].Duplicate, false)
}

// enqueuedID is the ID of the job that has the key.
func enqueuedID(t *testing.T, q *Queue, key string) string {
	t.Helper()
	id, _ := do(t, q, "GET", q.keys.of(key)).(string)
	return id
}

func TestAFullQueueTakesAllOfACallOrNothing(t *testing.T) {
	_, q := newQueue(t)
	q.Bound = 5
	enqueue(t, q, New{Handler: "h"}, New{Handler: "h", Delay: time.Hour}, New{Handler: "h", Priority: High})
	claim(t, q.Consumer("c", longLease), 1)
	_, err := q.Enqueue(t.Context(), New{ID: "a", Handler: "h", Key: "k"}, New{Handler: "h"}, New{Handler: "h"})
	if !errors.Is(err, ErrFull) || !strings.Contains(err.Error(), "3 jobs of 5") {
		t.Errorf("error is %v", err)
	}
	if s := stats(t, q); s.Waiting+s.Running+s.Delayed != 3 || s.Enqueued != 3 {
		t.Errorf("it holds %+v", s)
	}
	is(t, "two of them", enqueue(t, q, New{ID: "a", Handler: "h", Key: "k"}, New{Handler: "h"})[0], Receipt{"a", false})
	if _, err := q.Enqueue(t.Context(), New{Handler: "h"}); !errors.Is(err, ErrFull) {
		t.Errorf("error is %v, want that it is full", err)
	}
	is(t, "what is there already", enqueue(t, q, New{ID: "a", Handler: "h"}, New{Handler: "h", Key: "k"}), []Receipt{{"a", true}, {"a", true}})
	q.Bound = 0
	if _, err := q.Enqueue(t.Context(), New{Handler: "h"}); !errors.Is(err, ErrFull) {
		t.Errorf("with a bound of 0 the error is %v", err)
	}
}

func TestOneCallTakesABatchOfTheLargestSizeAndNoMore(t *testing.T) {
	_, q := newQueue(t)
	is(t, "no jobs", enqueue(t, q), []Receipt(nil))
	is(t, "the most jobs", len(enqueue(t, q, make1000()...)), MaxBatch)
	is(t, "waiting", stats(t, q).Waiting, MaxBatch)
	big := make([]byte, MaxPayload)
	many := slices.Repeat([]New{{Handler: "h", Payload: big}}, MaxBatchBytes/MaxPayload)
	is(t, "the most bytes", len(enqueue(t, q, many...)), len(many))
	for _, c := range []struct {
		name, want string
		jobs       []New
	}{
		{"too many jobs", "1001 jobs at once", append(make1000(), New{Handler: "h"})},
		{"too many bytes", "payloads", append(many, New{Handler: "h", Payload: []byte("1")})},
		{"one that is wrong", "job 2 of 2: handler", []New{{Handler: "h"}, {}}},
	} {
		if _, err := q.Enqueue(t.Context(), c.jobs...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v", c.name, err)
		}
	}
	is(t, "waiting", stats(t, q).Waiting, MaxBatch+len(many))
}

func make1000() []New { return numbered(MaxBatch, "n", New{Handler: "h"}) }

func TestNamesAreThoseOfAnnouncedQueues(t *testing.T) {
	server, q := newQueue(t)
	b, a := open(t, server, "b"), open(t, server, "a")
	is(t, "at first", need[[]string](t)(Names(t.Context(), q.redis)), []string{})
	for _, q := range []*Queue{b, a, b} {
		if err := q.Announce(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	is(t, "then", need[[]string](t)(Names(t.Context(), q.redis)), []string{"a", "b"})
	enqueue(t, a, New{ID: "1", Handler: "h"})
	is(t, "the other's jobs", len(claim(t, b.Consumer("c", longLease), 1)), 0)
	is(t, "its ID", enqueue(t, b, New{ID: "1", Handler: "h"})[0].Duplicate, false)
}
