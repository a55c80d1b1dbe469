package upstream

import (
	"context"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"formation/proxy/conn"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// instance accepts connections and hands them to the test.
func instance(t *testing.T) (addr string, accepted <-chan net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns, done := make(chan net.Conn, 16), make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns <- c
			t.Cleanup(func() { _ = c.Close() })
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String(), conns
}

func dial(t *testing.T, p *Pool) *conn.Conn {
	t.Helper()
	c, err := p.Dial(t.Context(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAnIdleConnectionIsUsedAgainTheLastOneFirst(t *testing.T) {
	addr, _ := instance(t)
	p := New(conn.NewSweeper(time.Hour)).Pool(addr)
	defer p.CloseIdle()
	if p.Idle(conn.Now(), false) != nil {
		t.Error("a new pool has an idle connection")
	}
	a, b := dial(t, p), dial(t, p)
	p.Keep(a, conn.Now())
	p.Keep(b, conn.Now())
	if got := p.Idle(conn.Now(), true); got != b {
		t.Error("not the last")
	}
	if got := p.Idle(conn.Now(), true); got != a {
		t.Error("not the other")
	}
	if p.Idle(conn.Now(), true) != nil {
		t.Error("one was given twice")
	}
	a.Close()
	b.Close()
}

func TestAConnectionThatHasClosedIsNotUsed(t *testing.T) {
	for _, c := range []struct {
		name    string
		rested  int64
		careful bool
		used    bool
	}{
		{"by what cannot be sent twice", 0, true, false},
		{"by anything, when it has rested", 2 * unchecked, false, false},
		{"but a request that can be sent again does not look", 0, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr, accepted := instance(t)
			p := New(conn.NewSweeper(time.Hour)).Pool(addr)
			kept := dial(t, p)
			defer kept.Close()
			now := conn.Now()
			p.Keep(kept, now)
			_ = (<-accepted).Close()
			if got := p.Idle(now+c.rested, c.careful); (got != nil) != c.used {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestClosedIdleConnectionsAreClosedUntilThePoolIsUsed(t *testing.T) {
	addr, _ := instance(t)
	p := New(conn.NewSweeper(time.Hour)).Pool(addr)
	idle, busy := dial(t, p), dial(t, p)
	p.Keep(idle, conn.Now())
	p.CloseIdle()
	p.CloseIdle()
	p.Keep(busy, conn.Now()) // it comes back to a pool that is closed
	for _, c := range []*conn.Conn{idle, busy} {
		if !c.HungUp() {
			t.Error("it is open")
		}
	}
	again := dial(t, p)
	p.Keep(again, conn.Now())
	if p.Idle(conn.Now(), true) != again {
		t.Error("a pool that is used again keeps nothing")
	}
	again.Close()
}

func TestAConnectionThatWasInterruptedIsNotKept(t *testing.T) {
	addr, _ := instance(t)
	p := New(conn.NewSweeper(time.Hour)).Pool(addr)
	c := dial(t, p)
	c.Interrupt()
	p.Keep(c, conn.Now())
	if p.Idle(conn.Now(), false) != nil {
		t.Error("it was")
	}
}

func TestTheSweepClosesWhatIsOfNoUse(t *testing.T) {
	addr, accepted := instance(t)
	u := New(conn.NewSweeper(time.Hour))
	p := u.Pool(addr)
	old, gone, good := dial(t, p), dial(t, p), dial(t, p)
	now := conn.Now()
	p.Keep(old, now-2*int64(idleTimeout))
	p.Keep(gone, now)
	p.Keep(good, now)
	<-accepted
	_ = (<-accepted).Close()
	u.sweep(now + sweepEvery)
	if !old.HungUp() || !gone.HungUp() || good.HungUp() {
		t.Errorf("hung up: old %v, gone %v, good %v", old.HungUp(), gone.HungUp(), good.HungUp())
	}
	if got := p.Idle(now, false); got != good {
		t.Error("the good one is lost")
	}
	u.sweep(now + 2*sweepEvery)
	if len(u.watched()) != 0 {
		t.Error("an empty pool is watched")
	}
	p.Keep(good, now)
	if len(u.watched()) != 1 {
		t.Error("a pool with idle connections is not watched")
	}
	p.CloseIdle()
	u.sweep(now + 3*sweepEvery)
	if len(u.watched()) != 0 {
		t.Error("a closed pool is watched")
	}
}

func TestAPoolIsBounded(t *testing.T) {
	addr, _ := instance(t)
	p := New(conn.NewSweeper(time.Hour)).Pool(addr)
	defer p.CloseIdle()
	for range maxIdle {
		p.idle = append(p.idle, idle{})
	}
	c := dial(t, p)
	p.Keep(c, conn.Now())
	if len(p.idle) != maxIdle || !c.HungUp() {
		t.Errorf("%d are idle", len(p.idle))
	}
	p.idle = nil
}

func TestADialEnds(t *testing.T) {
	p := New(conn.NewSweeper(time.Hour)).Pool("127.0.0.1:1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Dial(ctx, time.Second); err == nil {
		t.Error("connected")
	}
}
