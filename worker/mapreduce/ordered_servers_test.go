//go:build servers

package mapreduce

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"formation/worker/mapreduce/line"
)

// errors500 puts out the lines with that status.
func errors500(t *testing.T) Spec {
	t.Helper()
	c, err := line.ParseCondition("status>=500")
	if err != nil {
		t.Fatal(err)
	}
	return Spec{Inputs: []string{"*"}, Ordered: true, Where: []line.Condition{c}, ShardSize: 16 << 10}
}

// chosen are the lines that errors500 wants, as one process finds them.
func (l *logs) chosen(t *testing.T) []byte {
	t.Helper()
	spec := errors500(t)
	if err := spec.Complete(); err != nil {
		t.Fatal(err)
	}
	_, filter, err := spec.reader()
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	l.each(func(text []byte, short bool) {
		if o, ok := object(text); ok && short && filter.Match([]line.Value{value(o, "status")}) {
			out = append(append(out, text...), '\n')
		}
	})
	return out
}

// readAll puts out all lines.
func readAll(b *bench, lines *Lines, watch func()) []byte {
	b.Helper()
	var out bytes.Buffer
	for {
		text, err := lines.Next(b.Context())
		if errors.Is(err, io.EOF) {
			return out.Bytes()
		}
		if err != nil {
			if b.Context().Err() != nil {
				b.Fatal(err)
			}
			var ended *EndedError
			if errors.As(err, &ended) || errors.Is(err, ErrTaken) || errors.Is(err, ErrNoRun) {
				b.Fatal(err)
			}
			continue // Redis is away
		}
		out.Write(text)
		watch()
	}
}

func (b *bench) follow(name string) *Lines {
	b.Helper()
	lines, err := b.Follow(b.Context(), name)
	if err != nil {
		b.Fatal(err)
	}
	return lines
}

// Lines come in the order of the input, though shards are done in any, and no more is
// stored than may be.
func TestLinesComeInTheirOrder(t *testing.T) {
	b := newBench(t)
	l := newLogs(b, 3000)
	b.work()
	b.mortals(2, 500*time.Millisecond)
	spec := errors500(t)
	spec.MaxStored = 8 << 20
	name := b.start(spec)
	most := int64(0)
	got := readAll(b, b.follow(name), func() {
		if s, err := b.Status(t.Context(), name); err == nil {
			most = max(most, s.Stored)
		}
	})
	if want := l.chosen(t); !bytes.Equal(got, want) {
		t.Errorf("%d bytes of lines, want %d", len(got), len(want))
	}
	if most > 8<<20 || most == 0 {
		t.Errorf("%d bytes were stored", most)
	}
	plan, err := b.redis.HGet(t.Context(), keysOf(name).run, "stored0:0").Int64()
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Status(t.Context(), name)
	if err != nil || s.State != Done || s.Stored != plan || s.Chosen != int64(bytes.Count(got, []byte("\n"))) {
		t.Errorf("in the end %+v, %v", s, err)
	}
	if again := readAll(b, b.follow(name), func() {}); !bytes.Equal(again, got) {
		t.Errorf("read again it is %d bytes of %d", len(again), len(got))
	}
}

// Who puts out lines is killed, and another begins again.
func TestTheReaderOfLinesIsReplaced(t *testing.T) {
	b := newBench(t)
	l := newLogs(b, 5000)
	b.work()
	name := b.start(errors500(t))
	first := b.follow(name)
	for range 5 {
		if _, err := first.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	second := b.follow(name)
	if _, err := first.Next(t.Context()); !errors.Is(err, ErrTaken) {
		t.Errorf("the first reader's: %v", err)
	}
	if got, want := readAll(b, second, func() {}), l.chosen(t); !bytes.Equal(got, want) {
		t.Errorf("%d bytes of lines, want %d", len(got), len(want))
	}
}

// Redis is killed while lines are put out.
func TestRedisIsKilledWhileLinesArePutOut(t *testing.T) {
	b := newBench(t)
	l := newLogs(b, 5000)
	b.work()
	pieces := 0
	got := readAll(b, b.follow(b.start(errors500(t))), func() {
		if pieces++; pieces%20 == 10 {
			b.server.Kill()
			b.server.Start(t)
		}
	})
	if want := l.chosen(t); !bytes.Equal(got, want) {
		t.Errorf("%d bytes of lines, want %d", len(got), len(want))
	}
}

func TestTheLinesOfARunThatEnds(t *testing.T) {
	b := newBench(t)
	b.file("a", []byte("{\"status\":500}\n"))
	name := b.start(errors500(t))
	if err := b.worker().do(t.Context(), task{Run: name}); err != nil {
		t.Fatal(err)
	}
	lines := b.follow(name)
	if _, err := b.Cancel(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	var ended *EndedError
	if _, err := lines.Next(t.Context()); !errors.As(err, &ended) || ended.State != Cancelled {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := b.Follow(t.Context(), name); !errors.As(err, &ended) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := b.Follow(t.Context(), "nobody"); !errors.Is(err, ErrNoRun) {
		t.Errorf("no run: %v", err)
	}
	b.file("empty", nil)
	empty := b.start(Spec{Inputs: []string{"empty"}, Ordered: true})
	if err := b.worker().do(t.Context(), task{Run: empty}); err != nil {
		t.Fatal(err)
	}
	if text := readAll(b, b.follow(empty), func() {}); len(text) != 0 {
		t.Errorf("no files: %q", text)
	}
}

// Lines that were put out, and then done again as Redis has lost that they were, are not
// stored for nobody.
func TestLinesThatWerePutOutAreNotKept(t *testing.T) {
	b := newBench(t)
	b.file("a", bytes.Repeat([]byte("{\"status\":500}\n"), 3000))
	w := b.worker()
	name := b.start(errors500(t))
	if err := w.do(t.Context(), task{Run: name}); err != nil {
		t.Fatal(err)
	}
	one := []task{{Run: name, Stage: split}}
	if err := readShards(t.Context(), b.redis, keysOf(name), one); err != nil {
		t.Fatal(err)
	}
	lines := b.follow(name)
	stored := int64(0)
	for range 2 {
		if err := w.do(t.Context(), one[0]); err != nil {
			t.Fatal(err)
		}
		if stored == 0 {
			s, err := b.Status(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			stored = s.Stored
			if _, err := lines.Next(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := takeScript.Run(t.Context(), b.redis, []string{keysOf(name).run, keysOf(name).data(split, 0)}, lines.who, 0, 1).Err(); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.redis.SRem(t.Context(), keysOf(name).recorded(split), 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if s, err := b.Status(t.Context(), name); err != nil || s.Stored >= stored {
		t.Errorf("%d bytes are stored, after %d, %v", s.Stored, stored, err)
	}
}
