package conn

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sweeping returns a sweeper that runs until the test ends.
func sweeping(t *testing.T) *Sweeper {
	t.Helper()
	s := NewSweeper(time.Millisecond)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	t.Cleanup(func() { stop(); <-done })
	return s
}

// pair is a connection and its peer's end of it.
func pair(t *testing.T, s *Sweeper) (*Conn, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	peer, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Adopt(accepted.(*net.TCPConn))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); _ = peer.Close() })
	return c, peer.(*net.TCPConn)
}

func until(cond func() bool) {
	for !cond() {
		runtime.Gosched()
	}
}

func TestADeadlineEndsWaits(t *testing.T) {
	s := sweeping(t)
	waits := map[string]func(*Conn) error{
		"reading": func(c *Conn) error { _, err := c.Read(make([]byte, 1)); return err },
		"awaiting": func(c *Conn) error {
			return c.Await(func(fd uintptr) bool { _, again, _ := TryRead(fd, make([]byte, 1)); return !again })
		},
		"writing": func(c *Conn) error {
			for {
				if _, err := c.Write(make([]byte, 1<<20)); err != nil {
					return err
				}
			}
		},
	}
	for name, wait := range waits {
		t.Run(name, func(t *testing.T) {
			c, _ := pair(t, s)
			if !c.Arm(After(Now(), 10*time.Millisecond), Busy) {
				t.Error("interrupted though nothing happened")
			}
			if err := wait(c); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("ended with %v", err)
			}
			if !c.Interrupted() || c.Arm(Never(Now()), Busy) || !c.Interrupted() {
				t.Error("arming has taken the interruption back")
			}
		})
	}
}

func TestWhatIsArmedAnewIsNotInterrupted(t *testing.T) {
	s := sweeping(t)
	c, peer := pair(t, s)
	for range 50 {
		c.Arm(Now()+int64(20*time.Millisecond), Busy)
	}
	c.Arm(Never(Now()), Busy)
	passed := make(chan struct{})
	var ticks int
	s.Also(func(int64) {
		if ticks++; ticks == 40 {
			close(passed)
		}
	})
	<-passed
	_, _ = peer.Write([]byte("x"))
	if n, err := c.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("read %d, %v", n, err)
	}
}

func TestAfterNoBoundIsNever(t *testing.T) {
	if After(1, 0) != Never(1) || After(1, 2) != 3 {
		t.Error("wrong")
	}
}

func TestReviveTakesAnInterruptionBack(t *testing.T) {
	s := sweeping(t)
	c, peer := pair(t, s)
	c.Interrupt()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a read ended with %v", err)
	}
	c.Revive(Never(Now()), Busy)
	_, _ = peer.Write([]byte("x"))
	if n, err := c.Read(make([]byte, 1)); n != 1 || err != nil || c.Interrupted() {
		t.Errorf("then %d, %v", n, err)
	}
}

func TestOnlyAPhaseIsInterrupted(t *testing.T) {
	c, _ := pair(t, NewSweeper(time.Hour))
	for _, armed := range []Phase{Busy, Idle, Fresh} {
		for _, in := range []Phase{Busy, Idle, Fresh} {
			c.Revive(Never(Now()), armed)
			if got := c.InterruptIn(in); got != (armed == in) || c.Interrupted() != got {
				t.Errorf("armed in %d, interrupted in %d: %v", armed, in, got)
			}
		}
	}
}

func TestRearmReplacesOneDeadlineOnly(t *testing.T) {
	c, _ := pair(t, NewSweeper(time.Hour))
	c.Arm(1001, Busy)
	c.Rearm(1001, 2002)
	c.Rearm(1001, 3003)
	if got := c.Deadline(); got != 2002&^3 {
		t.Errorf("deadline is %d", got)
	}
	c.Interrupt()
	c.Rearm(2002, 4004)
	if !c.Interrupted() {
		t.Error("an interruption was taken back")
	}
}

func TestWhenAConnectionIsSpent(t *testing.T) {
	cases := []struct {
		name  string
		peer  func(*net.TCPConn)
		spent bool
		hung  bool
	}{
		{"not while nothing happens", func(*net.TCPConn) {}, false, false},
		{"when the peer has ended its side", func(c *net.TCPConn) { _ = c.CloseWrite() }, true, false},
		{"when the peer has closed", func(c *net.TCPConn) { _ = c.Close() }, true, false},
		{"when the peer has reset", func(c *net.TCPConn) { _ = c.SetLinger(0); _ = c.Close() }, true, true},
		{"when bytes have come that nobody asked for", func(c *net.TCPConn) { _, _ = c.Write([]byte("x")) }, true, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c, peer := pair(t, NewSweeper(time.Hour))
			tc.peer(peer)
			// On loopback the peer's act has arrived when its call returns.
			if spent, hung := c.Pending(), c.HungUp(); spent != tc.spent || hung != tc.hung {
				t.Errorf("spent %v, hung up %v", spent, hung)
			}
		})
	}
	t.Run("when it is closed on this side", func(t *testing.T) {
		c, _ := pair(t, NewSweeper(time.Hour))
		c.Close()
		c.Close()
		if !c.Pending() || !c.HungUp() {
			t.Error("not spent")
		}
	})
}

func TestAClientThatLeavesInterruptsItsExchange(t *testing.T) {
	s := sweeping(t)
	for name, leave := range map[string]func(*net.TCPConn){
		"by closing":    func(c *net.TCPConn) { _ = c.Close() },
		"by resetting":  func(c *net.TCPConn) { _ = c.SetLinger(0); _ = c.Close() },
		"with bytes on": func(c *net.TCPConn) { _, _ = c.Write([]byte("GET / ")); _ = c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			client, peer := pair(t, s)
			instance, _ := pair(t, s)
			client.Arm(Never(Now()), Busy)
			instance.Arm(Never(Now()), Busy)
			client.Attend(instance, true)
			defer client.Dismiss()
			leave(peer)
			if _, err := instance.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || !client.Gone() {
				t.Errorf("the wait ended with %v, gone %v", err, client.Gone())
			}
		})
	}
	t.Run("or comes late", func(t *testing.T) {
		client, _ := pair(t, s)
		instance, _ := pair(t, s)
		instance.Arm(Never(Now()), Busy)
		client.Attend(instance, true)
		defer client.Dismiss()
		client.Arm(After(Now(), 10*time.Millisecond), Busy)
		if _, err := instance.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || client.Gone() {
			t.Errorf("the wait ended with %v, gone %v", err, client.Gone())
		}
	})
}

func TestAnIdleClientThatHasEndedIsInterrupted(t *testing.T) {
	s := NewSweeper(time.Hour)
	c, peer := pair(t, s)
	c.Arm(Never(Now()), Idle)
	var w work
	for range 3 {
		s.sweep(&w)
	}
	if c.Interrupted() {
		t.Fatal("interrupted while it was there")
	}
	_ = peer.CloseWrite()
	until(func() bool { ended, _ := c.hungUp(); return ended })
	c.Arm(Never(Now()), Idle)
	for range 2 {
		if c.Interrupted() {
			t.Fatal("interrupted before it was idle from one sweep to the next")
		}
		s.sweep(&w)
	}
	if !c.Interrupted() {
		t.Error("not interrupted")
	}
}

func TestWhoSpeaksIsNotInterruptedByTheQuestion(t *testing.T) {
	s := sweeping(t)
	client, peer := pair(t, s)
	instance, _ := pair(t, s)
	client.Arm(Never(Now()), Busy)
	instance.Arm(Never(Now()), Busy)
	client.Attend(instance, true)
	_ = peer.CloseWrite()
	until(func() bool { return client.half.Load() })
	client.Speak()
	_, _ = client.Write([]byte("HTTP/1.1 204 No Content\r\n\r\n"))
	client.Dismiss()
	client.Close()
	if got, err := io.ReadAll(peer); string(got) != areYouThere+"HTTP/1.1 204 No Content\r\n\r\n" || err != nil {
		t.Errorf("the client got %q, %v", got, err)
	}
}

func TestSpliceMovesAllThereIs(t *testing.T) {
	s := NewSweeper(time.Hour)
	src, from := pair(t, s)
	dst, to := pair(t, s)
	text := strings.Repeat("0123456789abcdef", 1<<17)
	go func() {
		_, _ = io.WriteString(from, text)
		_ = from.CloseWrite()
	}()
	read := make(chan string)
	go func() {
		got, _ := io.ReadAll(to)
		read <- string(got)
	}()
	var splice Splice
	var moved int64
	var err error
	for err == nil {
		var n int64
		n, err = splice.Move(dst, src, int64(len(text))+1-moved)
		moved += n
	}
	if err != io.EOF || moved != int64(len(text)) {
		t.Errorf("moved %d, %v", moved, err)
	}
	_ = dst.CloseWrite()
	if <-read != text {
		t.Error("what came is not what was sent")
	}
}
