package hello

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var errAway = errors.New("redis is away")

// store is Redis as the counter sees it: each addition waits until the test lets it
// go on or its context ends.
type store struct {
	sum   int64
	sizes []int64
	goOn  chan error
}

func newStore() *store { return &store{goOn: make(chan error)} }

func (s *store) add(ctx context.Context, n int64) (int64, error) {
	s.sizes = append(s.sizes, n)
	s.sum += n // whatever becomes of the answer
	select {
	case err := <-s.goOn:
		return s.sum, err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func newCounter(add Add, log *slog.Logger) *Counter {
	return NewCounter(add, time.Second, NewMetrics(prometheus.NewRegistry()), log)
}

// outcome is what a hit returned, and when.
type outcome struct {
	n     int64
	err   error
	after time.Duration
}

// hits runs hits in the order in which hit is called.
type hits struct {
	counter *Counter
	all     []*outcome
	running sync.WaitGroup
}

func (h *hits) hit(ctx context.Context) {
	o := new(outcome)
	h.all = append(h.all, o)
	h.running.Go(func() {
		began := time.Now()
		o.n, o.err = h.counter.Hit(ctx)
		o.after = time.Since(began)
	})
	synctest.Wait()
}

func (h *hits) numbers() []int64 {
	h.running.Wait()
	var numbers []int64
	for _, o := range h.all {
		numbers = append(numbers, o.n)
	}
	return numbers
}

func TestHitsThatArriveDuringAnAdditionShareTheNextInOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore()
		h := &hits{counter: newCounter(store.add, slog.New(slog.DiscardHandler))}
		for range 5 {
			h.hit(t.Context())
		}
		store.goOn <- nil
		synctest.Wait()
		h.hit(t.Context())
		store.goOn <- nil
		store.goOn <- nil
		if got, want := h.numbers(), []int64{1, 2, 3, 4, 5, 6}; !slices.Equal(got, want) {
			t.Errorf("numbers are %d, want %d", got, want)
		}
		if want := []int64{1, 4, 1}; !slices.Equal(store.sizes, want) {
			t.Errorf("additions are of %d, want %d", store.sizes, want)
		}
	})
}

func TestNumbersOfAFailedAdditionAreNeverGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore()
		h := &hits{counter: newCounter(store.add, slog.New(slog.DiscardHandler))}
		for range 3 {
			h.hit(t.Context())
		}
		store.goOn <- nil
		synctest.Wait()
		h.hit(t.Context())
		store.goOn <- errAway // after the two were added
		store.goOn <- nil
		if got, want := h.numbers(), []int64{1, 0, 0, 4}; got[0] != want[0] || got[3] != want[3] {
			t.Errorf("numbers are %d, want %d", got, want)
		}
		for i, failed := range []bool{false, true, true, false} {
			if err := h.all[i].err; errors.Is(err, errAway) != failed {
				t.Errorf("hit %d: error is %v", i, err)
			}
		}
	})
}

func TestAHitThatGaveUpBeforeItsAdditionIsNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore()
		h := &hits{counter: newCounter(store.add, slog.New(slog.DiscardHandler))}
		leaving, leave := context.WithCancel(t.Context())
		h.hit(t.Context())
		h.hit(leaving)
		h.hit(t.Context())
		leave()
		synctest.Wait()
		store.goOn <- nil
		store.goOn <- nil
		if got, want := h.numbers(), []int64{1, 0, 2}; !slices.Equal(got, want) {
			t.Errorf("numbers are %d, want %d", got, want)
		}
		if !errors.Is(h.all[1].err, context.Canceled) || store.sum != 2 {
			t.Errorf("error is %v and the sum %d, want canceled and 2", h.all[1].err, store.sum)
		}
	})
}

func TestNobodyWaitsBeyondTheTimeoutWhileRedisHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore()
		h := &hits{counter: newCounter(store.add, slog.New(slog.DiscardHandler))}
		for range 50 { // over three seconds, each in another place of the queue
			h.hit(t.Context())
			time.Sleep(60 * time.Millisecond)
		}
		h.running.Wait()
		for i, o := range h.all {
			late := !errors.Is(o.err, ErrSlow) && !errors.Is(o.err, context.DeadlineExceeded)
			if late || o.after > time.Second {
				t.Errorf("hit %d: %v after %v", i, o.err, o.after)
			}
		}
		time.Sleep(time.Second) // the last addition ends
	})
}

func TestMoreHitsThanMayWaitAreTurnedAwayAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore()
		c := newCounter(store.add, slog.New(slog.DiscardHandler))
		var running sync.WaitGroup
		running.Go(func() { _, _ = c.Hit(t.Context()) })
		synctest.Wait()
		for range waitLimit {
			running.Go(func() { _, _ = c.Hit(t.Context()) })
		}
		synctest.Wait()
		began := time.Now()
		if _, err := c.Hit(t.Context()); !errors.Is(err, ErrBusy) || time.Since(began) != 0 {
			t.Errorf("error is %v after %v, want ErrBusy at once", err, time.Since(began))
		}
		store.goOn <- nil
		store.goOn <- nil
		running.Wait()
		if store.sum != waitLimit+1 {
			t.Errorf("%d were counted, want %d", store.sum, waitLimit+1)
		}
	})
}

func TestAnOutageIsALineAtItsBeginningAndOneAtItsEnd(t *testing.T) {
	var log strings.Builder
	answers := []error{nil, errAway, errAway, errAway, nil, nil, errAway, nil}
	i := 0
	c := newCounter(func(context.Context, int64) (int64, error) {
		i++
		return int64(i), answers[i-1]
	}, slog.New(slog.NewTextHandler(&log, nil)))
	for range answers {
		_, _ = c.Hit(t.Context())
	}
	if got := strings.Count(log.String(), "cannot be counted"); got != 2 {
		t.Errorf("%d lines say that it began, want 2", got)
	}
	if got := strings.Count(log.String(), "counted again"); got != 2 {
		t.Errorf("%d lines say that it ended, want 2", got)
	}
	if lines := strings.Count(log.String(), "\n"); lines != 4 {
		t.Errorf("there are %d lines, want 4:\n%s", lines, &log)
	}
}

// TestManyHitsAtOnceGetEachNumberOnce lets the race detector look at the counter
// under load.
func TestManyHitsAtOnceGetEachNumberOnce(t *testing.T) {
	const clients, each = 64, 100
	var sum int64 // additions come one at a time
	c := newCounter(func(_ context.Context, n int64) (int64, error) {
		sum += n
		return sum, nil
	}, slog.New(slog.DiscardHandler))
	numbers := make(chan int64, clients*each)
	var running sync.WaitGroup
	for range clients {
		running.Go(func() {
			last := int64(0)
			for range each {
				n, err := c.Hit(t.Context())
				if err != nil || n <= last {
					t.Errorf("got %d (%v) after %d", n, err, last)
				}
				last = n
				numbers <- n
			}
		})
	}
	running.Wait()
	close(numbers)
	seen := make(map[int64]bool)
	for n := range numbers {
		if seen[n] || n < 1 || n > clients*each {
			t.Fatalf("%d was given twice or is none of 1 to %d", n, clients*each)
		}
		seen[n] = true
	}
}
