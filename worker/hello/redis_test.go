package hello

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"formation/worker/redisclient"
)

// fakeRedis answers every INCRBY with the same line, or, where that is empty, by
// closing the connection. Other commands are unknown to it, as to an old Redis.
type fakeRedis struct {
	addr     string
	answer   string
	mu       sync.Mutex
	received int // INCRBYs
	open     []net.Conn
}

func newFakeRedis(t *testing.T, answer string) *fakeRedis {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeRedis{addr: listener.Addr().String(), answer: answer}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.open = append(f.open, c)
			f.mu.Unlock()
			running.Go(func() { f.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		f.mu.Lock()
		for _, c := range f.open {
			_ = c.Close()
		}
		f.mu.Unlock()
		running.Wait()
	})
	return f
}

// serve reads commands as lines of RESP: of each, the name is enough.
func (f *fakeRedis) serve(c net.Conn) {
	defer c.Close()
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		switch command := strings.ToUpper(lines.Text()); command {
		case "HELLO":
			_, _ = io.WriteString(c, "-ERR unknown command\r\n")
		case "INCRBY":
			f.mu.Lock()
			f.received++
			f.mu.Unlock()
			if f.answer == "" {
				return
			}
			_, _ = io.WriteString(c, f.answer)
		}
	}
}

func (f *fakeRedis) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.received
}

func TestAnAdditionIsSentOnceWhateverRedisAnswers(t *testing.T) {
	cases := []struct{ name, answer, err string }{
		{"a sum", ":7\r\n", ""},
		{"it still loads its data", "-LOADING Redis is loading the dataset in memory\r\n", "LOADING"},
		{"the key is elsewhere", "-MOVED 3999 127.0.0.1:6381\r\n", "MOVED"},
		{"the key is of another type", "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n", "WRONGTYPE"},
		{"the sum is too large", "-ERR increment or decrement would overflow\r\n", "overflow"},
		{"it is a replica", "-READONLY You can't write against a read only replica.\r\n", "READONLY"},
		{"it has no cluster", "-CLUSTERDOWN The cluster is down\r\n", "CLUSTERDOWN"},
		{"something that is no number", "+OK\r\n", "OK"},
		{"nothing, and the connection ends", "", "EOF"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			redis := newFakeRedis(t, c.answer)
			client := open(t, redis.addr, 5*time.Second)
			sum, err := InRedis(client.Client)(t.Context(), 3)
			switch {
			case c.err == "" && (err != nil || sum != 7):
				t.Errorf("got %d (%v), want 7", sum, err)
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
				t.Errorf("error is %v, want one with %s", err, c.err)
			}
			if n := redis.count(); n != 1 {
				t.Errorf("it was sent %d times", n)
			}
		})
	}
}

func TestARedisThatHangsCostsAHitNoMoreThanTheTimeout(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // the kernel accepts, nobody reads
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	const timeout = 50 * time.Millisecond
	client := open(t, listener.Addr().String(), timeout)
	c := newCounter(InRedis(client.Client), slog.New(slog.DiscardHandler))
	c.timeout = timeout
	for range 3 {
		began := time.Now()
		_, err := c.Hit(t.Context())
		var netErr net.Error
		if !errors.Is(err, ErrSlow) && (!errors.As(err, &netErr) || !netErr.Timeout()) {
			t.Errorf("error is %v, want a timeout", err)
		}
		if took := time.Since(began); took > 20*timeout { // generous: the machine is shared
			t.Errorf("it took %v", took)
		}
	}
}

func open(t *testing.T, addr string, timeout time.Duration) *redisclient.Client {
	t.Helper()
	u, err := redisclient.ParseURL("redis://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	client := redisclient.Open(u, timeout, nil, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = client.Close() })
	return client
}
