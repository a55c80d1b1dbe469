package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// collected runs a merger and keeps what it emits, with the time it came at.
type collected struct {
	*merger
	mu    sync.Mutex
	lines []string
	times []time.Duration
	done  chan struct{}
	start time.Time
}

func collect(ctx context.Context) *collected {
	c := &collected{merger: newMerger(), done: make(chan struct{}), start: time.Now()}
	go func() {
		defer close(c.done)
		c.run(ctx, func(e entry) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.lines = append(c.lines, string(e.text))
			c.times = append(c.times, time.Since(c.start))
		}, func() {})
	}()
	return c
}

func (c *collected) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.lines, " ")
}

func at(ms int) time.Time { return time.Now().Add(time.Duration(ms) * time.Millisecond) }

func TestMergeWindow(t *testing.T) {
	t.Run("a line waits for an earlier one from elsewhere", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := collect(t.Context())
			a, b := c.add("a"), c.add("b")
			a.caughtUp()
			b.caughtUp()
			written := time.Now()
			a.push(t.Context(), written.Add(2), []byte("second"))
			time.Sleep(window - 1)
			b.push(t.Context(), written.Add(1), []byte("first"))
			synctest.Wait()
			if got := c.text(); got != "first" {
				t.Errorf("printed %q: both sources had a line, the earlier one is due", got)
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			if got := c.text(); got != "first second" {
				t.Errorf("printed %q", got)
			}
		})
	})
	t.Run("but only for the window", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := collect(t.Context())
			a, b := c.add("a"), c.add("b")
			a.caughtUp()
			b.caughtUp()
			a.push(t.Context(), at(0), []byte("line"))
			time.Sleep(window - 1)
			synctest.Wait()
			if got := c.text(); got != "" {
				t.Errorf("printed %q before the window was over", got)
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			if got := c.text(); got != "line" {
				t.Errorf("printed %q when the window was over", got)
			}
		})
	})
	t.Run("a single source never waits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := collect(t.Context())
			c.add("a").push(t.Context(), at(0), []byte("line"))
			synctest.Wait()
			if got := c.text(); got != "line" {
				t.Errorf("printed %q", got)
			}
		})
	})
	t.Run("a source that has ended is not waited for", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := collect(t.Context())
			a, b := c.add("a"), c.add("b")
			a.push(t.Context(), at(0), []byte("line"))
			b.close()
			synctest.Wait()
			if got := c.text(); got != "line" {
				t.Errorf("printed %q", got)
			}
		})
	})
	t.Run("a source that reads the past is waited for longer, once", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := collect(t.Context())
			a, b := c.add("a"), c.add("b")
			_ = b // never says a word
			a.push(t.Context(), at(1), []byte("1"))
			a.push(t.Context(), at(2), []byte("2"))
			time.Sleep(patience - 1)
			synctest.Wait()
			if got := c.text(); got != "" {
				t.Errorf("printed %q", got)
			}
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			if got := c.text(); got != "1 2" {
				t.Errorf("printed %q", got)
			}
		})
	})
	t.Run("a full source shortens the window instead of growing", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := collect(t.Context())
			a, b := c.add("a"), c.add("b")
			a.caughtUp()
			b.caughtUp()
			for range 3 * maxLines {
				a.push(t.Context(), at(0), nil)
			}
			synctest.Wait()
			if held := len(a.held); held >= maxLines {
				t.Errorf("%d lines held", held)
			}
			if time.Since(c.start) != 0 {
				t.Errorf("the writer was held up for %v", time.Since(c.start))
			}
		})
	})
	t.Run("what is held comes out when the context ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			c := collect(ctx)
			a, b := c.add("a"), c.add("b")
			a.push(ctx, at(2), []byte("2"))
			a.push(ctx, at(3), []byte("3"))
			b.caughtUp()
			cancel()
			<-c.done
			if got := c.text(); got != "2 3" {
				t.Errorf("printed %q", got)
			}
		})
	})
	t.Run("the end", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := collect(t.Context())
			a := c.add("a")
			c.finish()
			a.push(t.Context(), at(0), []byte("last"))
			a.close()
			<-c.done
			if got := c.text(); got != "last" {
				t.Errorf("printed %q", got)
			}
		})
	})
}

// A writer that is held up by a full source leaves when its context ends.
func TestMergePushContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMerger() // nobody takes anything out
		s := m.add("a")
		ctx, cancel := context.WithCancel(t.Context())
		for !s.full() {
			s.push(ctx, at(0), make([]byte, maxLine))
		}
		result := make(chan error)
		go func() { result <- s.push(ctx, at(0), []byte("one more")) }()
		synctest.Wait()
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("push returned %v", err)
		}
	})
}

// Lines written at random moments, which reach the merger within the window, come
// out in the order they were written in, each exactly once.
func TestMergeOrderLive(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			c := collect(t.Context())
			var writers sync.WaitGroup
			for i := range 1 + random.IntN(6) {
				s := c.add(fmt.Sprint(i))
				s.caughtUp()
				random := rand.New(rand.NewPCG(seed, uint64(i+1)))
				writers.Go(func() {
					defer s.close()
					for range 200 {
						time.Sleep(rand.N(300 * time.Millisecond))
						written := time.Now()
						time.Sleep(time.Duration(random.Int64N(int64(window))))
						s.push(t.Context(), written, fmt.Appendf(nil, "%020d", written.UnixNano()))
					}
				})
			}
			writers.Wait()
			c.finish()
			<-c.done
			if !slices.IsSorted(c.lines) {
				t.Errorf("seed %d: not in order", seed)
			}
			if len(c.lines)%200 != 0 || len(c.lines) == 0 {
				t.Errorf("seed %d: %d lines", seed, len(c.lines))
			}
		})
	}
}

// Histories of any length, read at any speed, come out in order, also when they are
// far larger than what may be held.
func TestMergeOrderPast(t *testing.T) {
	for seed := range uint64(5) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			c := collect(t.Context())
			var writers sync.WaitGroup
			var sources []*source // all there before the first line
			for i := range 5 {
				sources = append(sources, c.add(fmt.Sprint(i)))
			}
			total := 0
			for i, s := range sources {
				lines := random.IntN(4 * maxLines)
				total += lines
				random := rand.New(rand.NewPCG(seed, uint64(i+10)))
				writers.Go(func() {
					defer s.close()
					moment := time.Unix(0, 0)
					for range lines {
						if random.IntN(50) == 0 {
							time.Sleep(time.Duration(random.Int64N(int64(patience - 1))))
						}
						moment = moment.Add(time.Duration(random.Int64N(1000)))
						s.push(t.Context(), moment, fmt.Appendf(nil, "%020d", moment.UnixNano()))
					}
				})
			}
			writers.Wait()
			c.finish()
			<-c.done
			if len(c.lines) != total || !slices.IsSorted(c.lines) {
				t.Errorf("seed %d: %d lines of %d, sorted: %v", seed, len(c.lines), total, slices.IsSorted(c.lines))
			}
		})
	}
}
