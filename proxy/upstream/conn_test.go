package upstream

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"
)

// pair is a connection and the instance's end of it.
func pair(t *testing.T) (*Conn, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := Dialer{Timeout: time.Second}.Dial(t.Context(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(); _ = peer.Close() })
	return c, peer
}

func TestAConnectionKnowsWhatWasSent(t *testing.T) {
	c, _ := pair(t)
	if c.Sent() != 0 {
		t.Errorf("sent %d before anything was", c.Sent())
	}
	_, _ = c.Write([]byte("abc"))
	_, _ = c.ReadFrom(strings.NewReader("defg"))
	if c.Sent() != 7 {
		t.Errorf("sent %d, want 7", c.Sent())
	}
	_ = c.Close()
	if _, err := c.Write([]byte("x")); err == nil || c.Sent() != 7 {
		t.Errorf("a write on a closed connection: %v, sent %d", err, c.Sent())
	}
}

func TestWhenAConnectionIsSpent(t *testing.T) {
	cases := []struct {
		name string
		peer func(net.Conn)
		want bool
	}{
		{"not while nothing happens", func(net.Conn) {}, false},
		{"when the instance has closed", func(c net.Conn) { _ = c.Close() }, true},
		{"when the instance has reset", func(c net.Conn) { _ = c.(*net.TCPConn).SetLinger(0); _ = c.Close() }, true},
		{"when bytes have come that nobody asked for", func(c net.Conn) { _, _ = c.Write([]byte("x")) }, true},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c, peer := pair(t)
			tc.peer(peer)
			// On loopback the peer's act has arrived when its call returns.
			if got := c.Spent(); got != tc.want {
				t.Errorf("spent is %v, want %v", got, tc.want)
			}
		})
	}
	t.Run("while another goroutine reads", func(t *testing.T) {
		c, peer := pair(t)
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, _ = c.Read(make([]byte, 1))
		}()
		if c.Spent() {
			t.Error("spent though nothing happened")
		}
		_ = peer.Close()
		<-read
		if !c.Spent() {
			t.Error("not spent though the instance has closed")
		}
	})
	t.Run("when it is closed on this side", func(t *testing.T) {
		c, _ := pair(t)
		_ = c.Close()
		if !c.Spent() {
			t.Error("not spent")
		}
	})
}

func TestADialEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c, err := (Dialer{}).Dial(ctx, "127.0.0.1:1"); err == nil {
		_ = c.Close()
		t.Error("connected")
	}
}
