package redisclient

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"formation/consul/discovery"
)

// lines is a log that keeps the messages.
type lines struct {
	slog.Handler
	messages *[]string
}

func newLines() (*slog.Logger, *[]string) {
	messages := new([]string)
	return slog.New(lines{slog.DiscardHandler, messages}), messages
}

func (l lines) Enabled(context.Context, slog.Level) bool { return true }

func (l lines) Handle(_ context.Context, r slog.Record) error {
	*l.messages = append(*l.messages, r.Message)
	return nil
}

func ready(addrs ...string) discovery.Set {
	var set discovery.Set
	for _, addr := range addrs {
		set.Instances = append(set.Instances, discovery.Instance{ID: addr, Addr: addr, Ready: true})
	}
	return set
}

func notReady(addr string) discovery.Set {
	return discovery.Set{Instances: []discovery.Instance{{ID: addr, Addr: addr, Alive: true, Unconfirmed: true}}}
}

func TestThePlaceIsWhereTheReadyInstanceIs(t *testing.T) {
	const a, b, c = "10.0.0.1:1", "10.0.0.2:2", "10.0.0.3:3"
	cases := []struct {
		name      string
		published []discovery.Set
		want      string
		said      []string
	}{
		{"nothing is known at first", nil, "", nil},
		{"no instance is no place", []discovery.Set{{}}, "", nil},
		{"one that is not ready is no place", []discovery.Set{notReady(a)}, "", nil},
		{"a ready one is", []discovery.Set{{}, ready(a)}, a, []string{"found"}},
		{"said once", []discovery.Set{ready(a), ready(a)}, a, []string{"found"}},
		{"it moves", []discovery.Set{ready(a), ready(b)}, b, []string{"found", "found"}},
		{"it moves by way of nowhere", []discovery.Set{ready(a), {}, ready(b)}, b, []string{"found", "no redis is ready", "found"}},
		{"it stays while none is ready", []discovery.Set{ready(a), notReady(a), {}}, a, []string{"found", "no redis is ready"}},
		{"it comes back", []discovery.Set{ready(a), {}, ready(a)}, a, []string{"found", "no redis is ready", "found"}},
		{"of two the current one is kept", []discovery.Set{ready(b), ready(a, b)}, b, []string{"found", "more than one"}},
		{"said once for the same two", []discovery.Set{ready(b), ready(a, b), ready(a, b)}, b, []string{"found", "more than one"}},
		{"said again for a third", []discovery.Set{ready(b), ready(a, b), ready(a, b, c)}, b, []string{"found", "more than one", "more than one"}},
		{"it moves once the current one is not ready", []discovery.Set{ready(b), ready(a, b), ready(a)}, a, []string{"found", "more than one", "found"}},
		{"two at first are in order", []discovery.Set{ready(a, b)}, a, []string{"more than one"}},
		{"an instance listed twice is one", []discovery.Set{ready(a, a)}, a, []string{"found"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			log, said := newLines()
			p := &place{service: "redis", log: log}
			for _, set := range c.published {
				p.publish(set)
			}
			if p.addr != c.want {
				t.Errorf("the place is %q, want %q", p.addr, c.want)
			}
			if !slices.EqualFunc(*said, c.said, strings.Contains) {
				t.Errorf("said %q, want %q", *said, c.said)
			}
		})
	}
}

// listen accepts connections and hands them over.
func listen(t *testing.T) (string, <-chan net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan net.Conn, 10)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
		close(accepted)
		for c := range accepted {
			_ = c.Close()
		}
	})
	return listener.Addr().String(), accepted
}

func mustDial(t *testing.T, p *place) net.Conn {
	t.Helper()
	c, err := p.dial(t.Context(), "tcp", "ignored:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestAMoveClosesTheConnectionsToTheOldPlace(t *testing.T) {
	oldAddr, atOld := listen(t)
	newAddr, atNew := listen(t)
	p := &place{service: "redis", log: slog.New(slog.DiscardHandler)}
	p.publish(ready(oldAddr))
	kept := mustDial(t, p)
	defer func() { _ = (<-atOld).Close() }()

	p.publish(ready(newAddr))
	_ = kept.SetReadDeadline(time.Now().Add(10 * time.Second)) // fails sooner where it was not closed
	if _, err := kept.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
		t.Errorf("reading from the old place: %v, want it closed", err)
	}
	// What go-redis asks of an idle connection before it uses it.
	raw, err := kept.(*conn).SyscallConn()
	if err == nil {
		err = raw.Read(func(uintptr) bool { return true })
	}
	if err == nil {
		t.Error("go-redis takes the closed connection for a good one")
	}

	moved := mustDial(t, p)
	server := <-atNew
	defer server.Close()
	if _, err := moved.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(server, make([]byte, 1)); err != nil {
		t.Errorf("the new place read nothing: %v", err)
	}
}

func TestADialThatAMoveOvertookIsNotKept(t *testing.T) {
	addr, accepted := listen(t)
	p := &place{service: "redis", log: slog.New(slog.DiscardHandler)}
	p.publish(ready("127.0.0.1:1"))
	tcp, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	defer func() { _ = (<-accepted).Close() }()
	if _, ok := p.keep(tcp.(*net.TCPConn), addr); ok {
		t.Error("a connection to another place was kept")
	}
}

func TestAClosedConnectionIsForgotten(t *testing.T) {
	addr, accepted := listen(t)
	p := &place{service: "redis", log: slog.New(slog.DiscardHandler)}
	p.publish(ready(addr))
	c := mustDial(t, p)
	defer func() { _ = (<-accepted).Close() }()
	if len(p.conns) != 1 {
		t.Fatalf("%d connections are tracked, want 1", len(p.conns))
	}
	_ = c.Close()
	if len(p.conns) != 0 {
		t.Errorf("%d connections are tracked after the close, want none", len(p.conns))
	}
}
