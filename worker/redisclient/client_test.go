package redisclient

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"formation/consul/discovery"
)

// script is a source that publishes what it is sent, and notes its end.
type script struct {
	sets  chan discovery.Set
	ended chan struct{}
}

func newScript() script { return script{make(chan discovery.Set), make(chan struct{})} }

func (s script) Run(ctx context.Context, publish func(discovery.Set)) error {
	defer close(s.ended)
	for {
		select {
		case <-ctx.Done():
			return nil
		case set := <-s.sets:
			publish(set)
			s.sets <- discovery.Set{} // published
		}
	}
}

func (s script) publish(set discovery.Set) {
	s.sets <- set
	<-s.sets
}

func mustParse(t *testing.T, raw string) URL {
	t.Helper()
	u, err := ParseURL(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// refusing is an address at which nobody listens.
func refusing(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestEveryCommandDialsAnewHoweverManyDialsFailed(t *testing.T) {
	source := newScript()
	client := Open(mustParse(t, "consul://redis"), time.Second, source, slog.New(slog.DiscardHandler))
	defer client.Close()
	ping := func() error { return client.Ping(t.Context()).Err() }
	for range 3 * poolSize { // go-redis gives up after as many as the pool has room for
		if err := ping(); err == nil || !strings.Contains(err.Error(), `no ready instance of service "redis"`) {
			t.Fatalf("without an instance: %v", err)
		}
	}
	source.publish(ready(refusing(t)))
	if err := ping(); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("with an instance that refuses: %v", err)
	}
}

func TestACommandEndsWithItsContext(t *testing.T) {
	addr, accepted := listen(t) // and never answers
	client := Open(mustParse(t, "redis://"+addr), time.Minute, nil, slog.New(slog.DiscardHandler))
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := client.Ping(ctx).Err()
	var timeout net.Error
	if !errors.Is(err, context.DeadlineExceeded) && (!errors.As(err, &timeout) || !timeout.Timeout()) {
		t.Errorf("error is %v, want a timeout", err)
	}
	_ = (<-accepted).Close()
}

func TestCloseEndsTheSourceAndMayBeCalledAgain(t *testing.T) {
	source := newScript()
	client := Open(mustParse(t, "consul://redis"), time.Second, source, slog.New(slog.DiscardHandler))
	var closers sync.WaitGroup
	for range 4 {
		closers.Go(func() {
			if err := client.Close(); err != nil {
				t.Error(err)
			}
			select {
			case <-source.ended:
			default:
				t.Error("closed, but the source still runs")
			}
		})
	}
	closers.Wait()
}
