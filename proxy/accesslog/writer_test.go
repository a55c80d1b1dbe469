package accesslog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// output is what a Writer writes to.
type output struct {
	write func(call int, p []byte) (int, error) // instead of taking all

	mu      sync.Mutex
	calls   int
	batches []string // what was taken, by call
}

func (o *output) Write(p []byte) (n int, err error) {
	o.mu.Lock()
	o.calls++
	call := o.calls
	o.mu.Unlock()
	n = len(p)
	if o.write != nil {
		n, err = o.write(call, p)
	}
	o.mu.Lock()
	o.batches = append(o.batches, string(p[:n]))
	o.mu.Unlock()
	return n, err
}

func (o *output) taken() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.batches)
}

func (o *output) text() string { return strings.Join(o.taken(), "") }

func write(w *Writer, lines ...string) {
	for _, line := range lines {
		_, _ = w.Write([]byte(line + "\n"))
	}
}

func closed(t *testing.T, w *Writer) {
	t.Helper()
	if err := w.Close(context.Background()); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func dropped(t *testing.T, w *Writer, want uint64) {
	t.Helper()
	if got := w.Dropped(); got != want {
		t.Errorf("%d lines were dropped, want %d", got, want)
	}
}

func TestLinesGather(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out output
		w := New(&out)
		write(w, "one", "two")
		synctest.Wait()
		time.Sleep(gather - time.Nanosecond)
		if got := out.taken(); len(got) > 0 {
			t.Errorf("too soon: %q", got)
		}
		write(w, "three")
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		write(w, "four")
		time.Sleep(gather)
		synctest.Wait()
		if got, want := out.taken(), []string{"one\ntwo\nthree\n", "four\n"}; !slices.Equal(got, want) {
			t.Errorf("it wrote %q, want %q", got, want)
		}
		closed(t, w)
	})
}

func TestABatchDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out output
		w := New(&out)
		start := time.Now()
		for i := range 3 { // in one of the two buffers and the other
			write(w, "one")
			synctest.Wait()
			write(w, strings.Repeat("x", batch))
			synctest.Wait()
			if got := len(out.taken()); got != i+1 {
				t.Errorf("it wrote %d batches, want %d", got, i+1)
			}
		}
		if passed := time.Since(start); passed > 0 {
			t.Errorf("they waited %v", passed)
		}
		closed(t, w)
	})
}

// A Writer whose output takes nothing takes what fits, and drops the rest.
func TestNobodyWaitsForTheOutput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		out := output{write: func(_ int, p []byte) (int, error) {
			<-release
			return len(p), nil
		}}
		w := New(&out)
		write(w, "on its way")
		time.Sleep(gather)
		synctest.Wait()

		line := strings.Repeat("x", 99) + "\n"
		fit := size / len(line)
		for range fit + 7 {
			if n, err := w.Write([]byte(line)); n != len(line) || err != nil {
				t.Fatalf("Write: %d, %v", n, err)
			}
		}
		dropped(t, w, 7)
		write(w, "a", "b\nc") // what is shorter still fits, while it does
		for w.Dropped() == 7 {
			write(w, "1", "22\n333")
		}
		before := w.Dropped()
		_, _ = w.Write([]byte(strings.Repeat("z\n", size)))
		dropped(t, w, before+size)

		close(release)
		closed(t, w)
		if got := strings.Count(out.text(), line); got != fit {
			t.Errorf("%d of the lines that fit were written, want %d", got, fit)
		}
		for l := range strings.Lines(out.text()) {
			if !slices.Contains([]string{"on its way\n", line, "a\n", "b\n", "c\n", "1\n", "22\n", "333\n"}, l) {
				t.Fatalf("not a whole line: %q", l)
			}
		}
	})
}

func TestTheAccessLogLeavesRoomForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		out := output{write: func(_ int, p []byte) (int, error) {
			<-release
			return len(p), nil
		}}
		w := New(&out)
		write(w, "on its way")
		time.Sleep(gather)
		synctest.Wait()

		log := NewLog(w)
		for w.Dropped() < 1000 {
			log.Exchange(&example)
		}
		slog.New(slog.NewJSONHandler(w, nil)).Error("this is why")
		dropped(t, w, 1000)
		close(release)
		closed(t, w)
		if !strings.Contains(out.text(), "this is why") {
			t.Error("it left none")
		}
	})
}

func TestShortWrites(t *testing.T) {
	out := output{write: func(_ int, p []byte) (int, error) { return min(len(p), 3), nil }}
	w := New(&out)
	write(w, "one", "two", "three")
	closed(t, w)
	if got, want := out.text(), "one\ntwo\nthree\n"; got != want {
		t.Errorf("it wrote %q, want %q", got, want)
	}
	dropped(t, w, 0)
}

func TestAnOutputThatFails(t *testing.T) {
	full := errors.New("no space left on device")
	cases := []struct {
		name    string
		write   func(call int, p []byte) (int, error)
		want    string
		dropped uint64
	}{
		{"before a line", func(call int, p []byte) (int, error) {
			if call == 1 {
				return 0, full
			}
			return len(p), nil
		}, "three\n", 2},
		{"between lines", func(call int, p []byte) (int, error) {
			if call == 1 {
				return len("one\n"), full
			}
			return len(p), nil
		}, "one\nthree\n", 1},
		{"within a line", func(call int, p []byte) (int, error) {
			if call == 1 {
				return len("one\ntw"), full
			}
			return len(p), nil
		}, "one\ntw\nthree\n", 1},
		{"within a line, and then for a while", func(call int, p []byte) (int, error) {
			switch call {
			case 1:
				return len("o"), full
			case 2:
				return 0, full
			}
			return len(p), nil
		}, "o\nfour\n", 3},
		{"after a short write", func(call int, p []byte) (int, error) {
			switch call {
			case 1:
				return len("o"), nil
			case 2:
				return len("ne\nt"), full
			}
			return len(p), nil
		}, "one\nt\nthree\n", 1},
		{"by taking nothing", func(call int, p []byte) (int, error) {
			if call == 1 {
				return 0, nil
			}
			return len(p), nil
		}, "three\n", 2},
		{"for good", func(int, []byte) (int, error) { return 0, full }, "", 4},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				out := output{write: c.write}
				w := New(&out)
				write(w, "one", "two")
				time.Sleep(gather)
				synctest.Wait()
				write(w, "three")
				time.Sleep(gather)
				synctest.Wait()
				write(w, "four")
				closed(t, w)
				want := c.want
				if want != "" && !strings.Contains(want, "four") {
					want += "four\n"
				}
				if got := out.text(); got != want {
					t.Errorf("it wrote %q, want %q", got, want)
				}
				dropped(t, w, c.dropped)
			})
		})
	}
}

func TestCloseHandsOnWhatIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var out output
		w := New(&out)
		closed(t, New(&out)) // one that nothing was written to
		write(w, "one")
		synctest.Wait()
		write(w, "two")
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { closed(t, w) })
		}
		all.Wait()
		closed(t, w)
		if got, want := out.text(), "one\ntwo\n"; got != want {
			t.Errorf("it wrote %q, want %q", got, want)
		}
		if passed := time.Since(start); passed > 0 {
			t.Errorf("it took %v", passed)
		}
		dropped(t, w, 0)

		write(w, "three", "four")
		dropped(t, w, 2)
		if strings.Contains(out.text(), "three") {
			t.Error("a line was written after Close")
		}
	})
}

func TestCloseLeavesAnOutputThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		out := output{write: func(_ int, p []byte) (int, error) {
			<-release
			return len(p), nil
		}}
		w := New(&out)
		write(w, "one")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: %v", err)
		}
		close(release) // the test ends only when the goroutine has
		closed(t, w)
	})
}

func TestLinesStayWhole(t *testing.T) {
	out := output{write: func(_ int, p []byte) (int, error) { return min(len(p), 1000), nil }}
	w := New(&out)
	const writers, each = 8, 5000
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for j := range each {
				write(w, fmt.Sprintf("<%d %d %s>", i, j, strings.Repeat("x", j%50)))
			}
		})
	}
	all.Wait()
	closed(t, w)
	last := [writers]int{}
	for i := range last {
		last[i] = -1
	}
	lines := uint64(0)
	for line := range strings.Lines(out.text()) {
		var i, j int
		if _, err := fmt.Sscanf(line, "<%d %d", &i, &j); err != nil || line != fmt.Sprintf("<%d %d %s>\n", i, j, strings.Repeat("x", j%50)) {
			t.Fatalf("not a whole line: %q", line)
		}
		if j <= last[i] {
			t.Errorf("%d's line %d comes after its %d", i, j, last[i])
		}
		last[i] = j
		lines++
	}
	if got := lines + w.Dropped(); got != writers*each {
		t.Errorf("%d lines were written and %d dropped, want %d together", lines, w.Dropped(), writers*each)
	}
}

func TestWriteAllocatesNothing(t *testing.T) {
	w := New(&discard{})
	line := []byte(strings.Repeat("x", 300) + "\n")
	if n := testing.AllocsPerRun(10_000, func() { _, _ = w.Write(line) }); n > 0 {
		t.Errorf("%v allocations for a line", n)
	}
	closed(t, w)
}

// discard takes all and counts its lines.
type discard struct{ lines uint64 }

func (d *discard) Write(p []byte) (int, error) {
	d.lines += uint64(bytes.Count(p, newline))
	return len(p), nil
}
