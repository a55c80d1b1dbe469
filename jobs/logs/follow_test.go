package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var (
	logA = log{alloc: "aaaaaaaa-1111", node: "n", task: "worker"}
	logB = log{alloc: "bbbbbbbb-2222", node: "n", task: "worker"}
)

// session is a run of the program on a fake Nomad.
type session struct {
	t     *testing.T
	nomad *fakeNomad
	stop  context.CancelFunc
	done  chan error

	mu    sync.Mutex
	out   bytes.Buffer
	notes []string
}

func (s *session) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

func start(t *testing.T, f *fakeNomad, o options) *session {
	ctx, cancel := context.WithCancel(t.Context())
	s := &session{t: t, nomad: f, stop: cancel, done: make(chan error, 1)}
	go func() {
		s.done <- stream(ctx, f, o, s, func(format string, args ...any) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.notes = append(s.notes, fmt.Sprintf(format, args...))
		})
	}()
	return s
}

// printed waits until everything that can come without new input has come, and
// compares all that was printed so far.
func (s *session) printed(want ...string) {
	s.t.Helper()
	time.Sleep(window + longestPause)
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	got := strings.Split(strings.TrimSuffix(s.out.String(), "\n"), "\n")
	if s.out.Len() == 0 {
		got = nil
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		s.t.Errorf("printed\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func (s *session) end(want error) {
	s.t.Helper()
	s.stop()
	if err := <-s.done; !errors.Is(err, want) {
		s.t.Errorf("ended with %v, want %v", err, want)
	}
}

func everything() options { return options{job: "worker", since: -1} }

func record(t time.Time, msg string) string {
	return fmt.Sprintf(`{"time":%q,"msg":%q}`, t.Format(time.RFC3339Nano), msg)
}

func TestFollow(t *testing.T) {
	t.Run("allocations come and go", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeNomad()
			begin := time.Now()
			f.set(logA, isRunning(begin))
			f.write(logA, "A starts\n")
			s := start(t, f, everything())
			s.printed("aaaaaaaa | A starts")

			f.set(logB, &taskState{created: begin}) // placed, not started
			f.write(logA, "A half")
			s.printed("aaaaaaaa | A starts")

			f.set(logB, isRunning(begin))
			f.write(logB, "B starts\n")
			s.printed("aaaaaaaa | A starts", "bbbbbbbb | B starts")

			f.write(logA, " and whole\n")
			f.set(logA, hasEnded(begin))
			f.write(logA, "A's last words, late and without an end")
			s.printed("aaaaaaaa | A starts", "bbbbbbbb | B starts",
				"aaaaaaaa | A half and whole", "aaaaaaaa | A's last words, late and without an end")

			f.set(logA, nil) // garbage collected
			f.write(logB, "B goes on\n")
			s.printed("aaaaaaaa | A starts", "bbbbbbbb | B starts",
				"aaaaaaaa | A half and whole", "aaaaaaaa | A's last words, late and without an end", "bbbbbbbb | B goes on")
			s.end(nil)
		})
	})
	t.Run("an ended task's log is read until it is silent", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeNomad()
			f.set(logA, isRunning(time.Now()))
			s := start(t, f, everything())
			s.printed()
			f.set(logA, hasEnded(time.Now()))
			for i := range 5 {
				time.Sleep(linger - 1)
				f.write(logA, fmt.Sprintln(i))
			}
			s.printed("aaaaaaaa | 0", "aaaaaaaa | 1", "aaaaaaaa | 2", "aaaaaaaa | 3", "aaaaaaaa | 4")
			s.end(nil)
		})
	})
	t.Run("the past comes in order", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeNomad()
			begin := time.Now()
			f.set(logA, hasEnded(begin))
			f.set(logB, isRunning(begin.Add(time.Second)))
			f.write(logA, record(begin.Add(1*time.Second), "1")+"\n"+record(begin.Add(3*time.Second), "3")+"\npanic: 3\n\nstack of 3\n")
			f.write(logB, record(begin.Add(2*time.Second), "2")+"\n"+record(begin.Add(4*time.Second), "4")+"\n")
			time.Sleep(time.Minute)
			s := start(t, f, everything())
			s.printed(
				"aaaaaaaa | "+record(begin.Add(1*time.Second), "1"),
				"bbbbbbbb | "+record(begin.Add(2*time.Second), "2"),
				"aaaaaaaa | "+record(begin.Add(3*time.Second), "3"),
				"aaaaaaaa | panic: 3", "aaaaaaaa | ", "aaaaaaaa | stack of 3",
				"bbbbbbbb | "+record(begin.Add(4*time.Second), "4"))
			s.end(nil)
		})
	})
	t.Run("no-follow prints what there is and ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeNomad()
			f.set(logA, isRunning(time.Now()))
			f.set(logB, &taskState{created: time.Now()})
			f.write(logA, "one\ntwo")
			o := everything()
			o.noFollow = true
			s := start(t, f, o)
			if err := <-s.done; err != nil {
				t.Error(err)
			}
			s.printed("aaaaaaaa | one", "aaaaaaaa | two")
		})
	})
	t.Run("no-follow fails when Nomad does", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeNomad()
			down := errors.New("down")
			f.goDown(down)
			o := everything()
			o.noFollow = true
			s := start(t, f, o)
			if err := <-s.done; !errors.Is(err, down) {
				t.Error(err)
			}
		})
	})
	t.Run("since leaves out older lines", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeNomad()
			begin := time.Now()
			f.set(logA, isRunning(begin))
			f.write(logA, "no time, from the beginning\n"+record(begin, "old")+"\n"+record(begin.Add(time.Minute), "new")+"\n")
			time.Sleep(2 * time.Minute)
			o := everything()
			o.since = 90 * time.Second
			s := start(t, f, o)
			s.printed("aaaaaaaa | " + record(begin.Add(time.Minute), "new"))
			f.write(logA, "now\n")
			s.printed("aaaaaaaa | "+record(begin.Add(time.Minute), "new"), "aaaaaaaa | now")
			s.end(nil)
		})
	})
	t.Run("labels tell tasks and outputs apart", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeNomad()
			f.set(logA, &taskState{started: true, several: true, created: time.Now()})
			f.write(logA, "line\n")
			o := everything()
			o.stderr = true
			s := start(t, f, o) // the fake has the same text on both outputs
			s.printed("aaaaaaaa worker | line", "aaaaaaaa worker stderr | line")
			s.end(nil)
		})
	})
	t.Run("plain lines have no label", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFakeNomad()
			f.set(logA, isRunning(time.Now()))
			f.write(logA, "line\n")
			o := everything()
			o.plain = true
			s := start(t, f, o)
			s.printed("line")
			s.end(nil)
		})
	})
}

// Nomad goes away in the middle of lines and comes back: no line is lost, none is
// printed twice.
func TestFollowOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeNomad()
		f.set(logA, isRunning(time.Now()))
		f.write(logA, "one\ntw")
		s := start(t, f, everything())
		s.printed("aaaaaaaa | one")

		f.goDown(errors.New("connection refused"))
		time.Sleep(time.Minute)
		f.write(logA, "o\nthree\n") // its task runs on
		f.set(logB, isRunning(time.Now()))
		s.printed("aaaaaaaa | one")
		opened := f.opened()
		f.goDown(nil)
		s.printed("aaaaaaaa | one", "aaaaaaaa | two", "aaaaaaaa | three")
		f.write(logB, "B\n")
		s.printed("aaaaaaaa | one", "aaaaaaaa | two", "aaaaaaaa | three", "bbbbbbbb | B")
		if n := f.opened() - opened; n > 6 {
			t.Errorf("%d streams opened after the outage", n)
		}
		s.mu.Lock()
		notes := strings.Join(s.notes, "\n")
		s.mu.Unlock()
		if !strings.Contains(notes, "does not answer") || !strings.Contains(notes, "answers again") {
			t.Errorf("notes:\n%s", notes)
		}
		s.end(nil)
	})
}

// A Nomad that lost its memory counts its index from the beginning.
func TestFollowIndexGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeNomad()
		f.index = 1000
		f.set(logA, isRunning(time.Now()))
		f.write(logA, "A\n")
		s := start(t, f, everything())
		s.printed("aaaaaaaa | A")
		f.goDown(errors.New("restarts"))
		f.change(func() { f.index = 1 })
		f.set(logA, nil)
		f.set(logB, isRunning(time.Now()))
		f.write(logB, "B\n")
		f.goDown(nil)
		s.printed("aaaaaaaa | A", "bbbbbbbb | B")
		s.end(nil)
	})
}

// However files rotate and connections break, each line comes once and in order, or
// is missing because Nomad deleted it; then a note says so.
func TestFollowRotation(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			f := newFakeNomad()
			f.fileSize, f.keep = 20+random.IntN(40), 2+random.IntN(3)
			f.set(logA, isRunning(time.Now()))
			s := start(t, f, everything())
			lines := 100
			for i := range lines {
				f.write(logA, fmt.Sprintf("line %03d\n", i))
				switch random.IntN(10) {
				case 0:
					f.goDown(errors.New("down"))
					time.Sleep(time.Duration(random.Int64N(int64(5 * time.Second))))
				case 1, 2:
					f.goDown(nil)
				default:
					time.Sleep(time.Duration(random.Int64N(int64(time.Second))))
				}
			}
			f.goDown(nil)
			time.Sleep(longestPause)
			f.set(logA, hasEnded(time.Now()))
			time.Sleep(2*longestPause + linger + window)
			synctest.Wait()
			s.mu.Lock()
			out, notes := s.out.String(), strings.Join(s.notes, "\n")
			s.mu.Unlock()
			got := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
			next, lost := 0, false
			for _, line := range got {
				var n int
				if _, err := fmt.Sscanf(line, "aaaaaaaa | line %d", &n); err != nil {
					lost = true // half a line, beside a gap
					continue
				}
				if n < next {
					t.Errorf("seed %d: line %d after line %d", seed, n, next-1)
				}
				lost = lost || n > next
				next = n + 1
			}
			if next != lines {
				t.Errorf("seed %d: the last line is %d", seed, next-1)
			}
			if lost != strings.Contains(notes, "deleted") {
				t.Errorf("seed %d: lines lost: %v; notes:\n%s", seed, lost, notes)
			}
			s.end(nil)
		})
	}
}

// Writing ends the program when nobody reads any more.
func TestWriteError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeNomad()
		f.set(logA, isRunning(time.Now()))
		f.write(logA, "line\n")
		full := errors.New("disk full")
		err := stream(t.Context(), f, everything(), writerFunc(func([]byte) (int, error) { return 0, full }), t.Logf)
		if !errors.Is(err, full) {
			t.Errorf("ended with %v", err)
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestParse(t *testing.T) {
	tests := []struct {
		args string
		want string // the error's text, or empty
	}{
		{"worker", ""},
		{"worker --no-follow", ""},
		{"--since 5m worker --stderr --plain", ""},
		{"", "which job?"},
		{"--no-follow", "which job?"},
		{"worker web", `one job at a time, not also "web"`},
		{"--since soon worker", `invalid value "soon" for flag -since: parse error`},
		{"worker --nofollow", "flag provided but not defined: -nofollow"},
	}
	for _, test := range tests {
		t.Run(test.args, func(t *testing.T) {
			_, err := parse(strings.Fields(test.args))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
