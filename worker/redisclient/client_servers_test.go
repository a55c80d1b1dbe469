//go:build servers

package redisclient

import (
	"errors"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"formation/worker/redisclient/redistest"
)

func TestTheClientIsBackWithTheFirstCommandAfterTheServerIs(t *testing.T) {
	server := redistest.New(t)
	client := Open(mustParse(t, "redis://"+server.Addr), 5*time.Second, nil, slog.New(slog.DiscardHandler))
	defer client.Close()
	if err := client.Incr(t.Context(), "n").Err(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		server.Kill()
		for range 3 * poolSize { // go-redis itself stops to dial after as many as the pool has room for
			err := client.Ping(t.Context()).Err()
			if !errors.Is(err, syscall.ECONNREFUSED) || !strings.Contains(err.Error(), server.Addr) {
				t.Fatalf("without a server: %v", err)
			}
		}
		server.Start(t)
		if err := client.Ping(t.Context()).Err(); err != nil {
			t.Errorf("the first command after the server came back: %v", err)
		}
	}
	if n, err := client.Get(t.Context(), "n").Int(); n != 1 || err != nil {
		t.Errorf("n is %d (%v), want 1", n, err)
	}
}

func TestTheClientFollowsItsService(t *testing.T) {
	first, second := redistest.New(t), redistest.New(t)
	source := newScript()
	log, said := newLines()
	client := Open(mustParse(t, "consul://redis/3"), 5*time.Second, source, log)
	defer client.Close()
	// mark returns the number of this server's commands so far.
	mark := func() int64 {
		t.Helper()
		n, err := client.Incr(t.Context(), "n").Result()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	source.publish(ready(first.Addr))
	if n := mark() + mark(); n != 1+2 {
		t.Errorf("the first server counted %d", n)
	}
	source.publish(ready(first.Addr, second.Addr))
	if n := mark(); n != 3 {
		t.Errorf("with two ready it has counted %d, want the first server's 3", n)
	}
	source.publish(ready(second.Addr))
	if n := mark(); n != 1 {
		t.Errorf("after the move it has counted %d, want the second server's 1", n)
	}
	second.Kill()
	source.publish(notReady(second.Addr))
	if err := client.Ping(t.Context()).Err(); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("with no server: %v", err)
	}
	second.Start(t)
	if n := mark(); n != 2 {
		t.Errorf("at the last known place it has counted %d, want 2", n)
	}

	direct := redis.NewClient(&redis.Options{Addr: first.Addr})
	defer direct.Close()
	clients, err := direct.ClientList(t.Context()).Result()
	if err != nil || strings.Count(clients, "id=") != 1 { // direct itself
		t.Errorf("connections to the old place (%v):\n%s", err, clients)
	}
	if len(*said) != 4 {
		t.Errorf("said %q", *said)
	}
}

func TestThePasswordOpensTheServerAndIsInNoError(t *testing.T) {
	server := redistest.New(t)
	direct := redis.NewClient(&redis.Options{Addr: server.Addr})
	defer direct.Close()
	if err := direct.ConfigSet(t.Context(), "requirepass", "right").Err(); err != nil {
		t.Fatal(err)
	}
	for password, fits := range map[string]bool{"right": true, "wr0ng": false} {
		client := Open(mustParse(t, "redis://:"+password+"@"+server.Addr), 5*time.Second, nil, slog.New(slog.DiscardHandler))
		defer client.Close()
		err := client.Ping(t.Context()).Err()
		if (err == nil) != fits || err != nil && strings.Contains(err.Error(), password) {
			t.Errorf("with password %q: %v", password, err)
		}
	}
}
