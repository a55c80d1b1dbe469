//go:build servers

package background

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"formation/worker/queue"
)

func TestAJobIsDone(t *testing.T) {
	b := newBench(t)
	seen := make(chan string, 10)
	b.start(nil, queue.Handle("note", func(_ context.Context, j queue.Job[struct{ Name string }]) error {
		seen <- fmt.Sprint(j.ID, " ", j.Key, " ", j.Attempt, "/", j.Attempts, " ", j.Payload.Name)
		return nil
	}))
	b.enqueue(
		queue.New{ID: "a", Handler: "note", Payload: []byte(`{"name":"x"}`)},
		queue.New{ID: "b", Handler: "note", Payload: []byte(`{"name":"y"}`), Key: "k", MaxAttempts: 3},
	)
	got := map[string]bool{<-seen: true, <-seen: true}
	if !got["a a 1/10 x"] || !got["b k 1/3 y"] {
		t.Errorf("got %v", got)
	}
	if s := b.until("done", settled); s.Done != 2 || s.Failed != 0 || s.Retried != 0 {
		t.Errorf("got %+v", s)
	}
}

func TestAResultIsKeptAndGoesOn(t *testing.T) {
	b := newBench(t)
	b.start(nil)
	next, err := queue.Open(b.redis, "next")
	if err != nil {
		t.Fatal(err)
	}
	b.enqueue(queue.New{ID: "a", Handler: "echo", Payload: []byte(`{"a": 1}`), Keep: time.Hour, Then: "next", ThenHandler: "more"})
	b.until("done", settled)
	if got, ok, err := b.Result(t.Context(), "a"); string(got) != `{"a": 1}` || !ok || err != nil {
		t.Errorf("the result is %q, %v, %v", got, ok, err)
	}
	got, err := next.Consumer("c", time.Minute).Claim(t.Context(), 10)
	if err != nil || len(got.Jobs) != 1 || got.Jobs[0].ID != "a" || got.Jobs[0].Handler != "more" || got.Jobs[0].Payload != `{"a": 1}` {
		t.Errorf("the next queue has %+v, %v", got, err)
	}
}

func TestHowAttemptsFail(t *testing.T) {
	b := newBench(t)
	tried := make(map[string]int)
	count := func(j raw, err error) error {
		tried[j.ID]++
		return err
	}
	b.start(func(w *Worker) { w.Concurrency = 1 },
		queue.Handle("never", func(_ context.Context, j raw) error { return count(j, errors.New("never")) }),
		queue.Handle("second", func(_ context.Context, j raw) error {
			if j.Attempt == 2 {
				return count(j, nil)
			}
			return count(j, errors.New("not yet"))
		}),
		queue.Handle("permanent", func(_ context.Context, j raw) error { return count(j, queue.Permanent(errors.New("for good"))) }),
		queue.Handle("panics", func(_ context.Context, j raw) error { _ = count(j, nil); panic("oh") }),
		queue.Handle("exits", func(_ context.Context, j raw) error { _ = count(j, nil); runtime.Goexit(); return nil }),
		queue.Handle("slow", func(ctx context.Context, j raw) error { <-ctx.Done(); return count(j, ctx.Err()) }),
		queue.Handle("number", func(_ context.Context, j queue.Job[int]) error { return nil }),
	)
	for _, c := range []struct {
		job      queue.New
		attempts int    // that have failed, of a job that has failed for good
		error    string // a part of it; empty: the job is done in the end
		tried    int
	}{
		{queue.New{Handler: "never", MaxAttempts: 3}, 3, "never", 3},
		{queue.New{Handler: "second", MaxAttempts: 3}, 0, "", 2},
		{queue.New{Handler: "permanent", MaxAttempts: 3}, 1, "for good", 1},
		{queue.New{Handler: "panics", MaxAttempts: 2}, 2, "panic: oh", 2},
		{queue.New{Handler: "exits", MaxAttempts: 2}, 2, "ended its goroutine", 2},
		{queue.New{Handler: "slow", MaxAttempts: 2, Timeout: time.Millisecond}, 2, "its time was over", 2},
		{queue.New{Handler: "never", MaxAttempts: 5, Deadline: time.Now().Add(-time.Hour)}, 0, "its deadline has passed", 0},
		{queue.New{Handler: "nobody", MaxAttempts: 2}, 2, `there is no handler "nobody"`, 0},
		{queue.New{Handler: "number", Payload: []byte(`"x"`), MaxAttempts: 3}, 1, "payload: json: cannot unmarshal", 0},
		{queue.New{Handler: "sleep", Payload: []byte(`{"ms":-1}`), MaxAttempts: 3}, 1, "ms: -1", 0},
		{queue.New{Handler: "fail", Payload: []byte(`{"error":"this one"}`), MaxAttempts: 1}, 1, "this one", 0},
		{queue.New{Handler: "fail", MaxAttempts: 1}, 1, "as it was asked to", 0},
	} {
		clear(tried)
		c.job.ID = c.job.Handler
		b.enqueue(c.job)
		b.until("settled", settled)
		f, there, err := b.FindFailed(t.Context(), c.job.ID)
		if err != nil || there != (c.error != "") || !strings.Contains(f.Error, c.error) || f.Attempts != c.attempts || tried[c.job.ID] != c.tried {
			t.Errorf("%s: failed %v after %d attempts, %d of them begun, with %q (%v)", c.job.Handler, there, f.Attempts, tried[c.job.ID], f.Error, err)
		}
		if there {
			if _, err := b.Discard(t.Context(), f); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestADeadlineEndsAnAttempt(t *testing.T) {
	b := newBench(t)
	begun := 0
	b.start(nil, queue.Handle("slow", func(ctx context.Context, _ raw) error {
		begun++
		<-ctx.Done()
		return ctx.Err()
	}))
	// On a machine that is busy the deadline may have passed before the job begins.
	for begun == 0 {
		b.enqueue(queue.New{ID: "late", Handler: "slow", Deadline: time.Now().Add(100 * time.Millisecond)})
		f := b.failure("late")
		if !strings.Contains(f.Error, "its deadline has passed") || f.Attempts != begun {
			t.Errorf("it failed after %d attempts with %q", f.Attempts, f.Error)
		}
		if _, err := b.Discard(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatIsNoJobGoesToTheFailedQueueAsItIs(t *testing.T) {
	b := newBench(t)
	b.start(nil)
	if err := b.redis.Do(t.Context(), "XADD", "queue:{jobs}:low", "*", "color", "\xff\x00red").Err(); err != nil {
		t.Fatal(err)
	}
	b.until("failed", func(s queue.Stats) bool { return s.Failed == 1 && settled(s) })
	all, err := b.Failed(t.Context(), "", 10)
	if err != nil || len(all) != 1 || fmt.Sprintf("%q", all[0].Fields) != `["color" "\xff\x00red"]` || !strings.HasPrefix(all[0].Error, "this is no job: ") {
		t.Errorf("got %+v, %v", all, err)
	}
}

func TestBackoff(t *testing.T) {
	r := &run{Worker: &Worker{Backoff: time.Second, MaxBackoff: 10 * time.Second}}
	for attempt, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 4: 8 * time.Second, 5: 10 * time.Second, 1000: 10 * time.Second} {
		for range 100 {
			if d := r.delay(attempt); d > want || d < want/2 {
				t.Errorf("after attempt %d it waits %v", attempt, d)
			}
		}
	}
}
