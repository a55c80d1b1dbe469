package edge

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running is a server on a real listener; stop asks it to end, done is its result.
type running struct {
	*Server
	addr string
	stop context.CancelFunc
	done chan error
}

func start(t *testing.T, o Options, handler http.HandlerFunc) *running {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o.Log = slog.New(slog.DiscardHandler)
	o.DrainTimeout = cmp.Or(o.DrainTimeout, time.Minute)
	ctx, stop := context.WithCancel(context.Background())
	r := &running{New(handler, o), l.Addr().String(), stop, make(chan error, 1)}
	go func() { r.done <- r.Serve(ctx, l) }()
	t.Cleanup(stop)
	return r
}

// client is one connection to the server.
type client struct {
	net.Conn
	r *bufio.Reader
}

func (r *running) connect(t *testing.T) client {
	t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return client{c, bufio.NewReader(c)}
}

func (c client) get(t *testing.T) *http.Response {
	t.Helper()
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	res, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res
}

func TestADrainServesOnThenFinishesWhatRuns(t *testing.T) {
	inside, finish := make(chan struct{}), make(chan struct{})
	r := start(t, Options{DrainDelay: 2 * time.Second}, func(_ http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/slow" {
			inside <- struct{}{}
			<-finish
		}
	})
	idle, slow := r.connect(t), r.connect(t)
	if res := idle.get(t); res.Close {
		t.Error("a connection is closed though nothing drains")
	}
	fmt.Fprint(slow, "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
	<-inside

	r.stop()
	for !r.Draining() {
		runtime.Gosched()
	}
	// New and idle connections are served on, and told to go.
	if res := r.connect(t).get(t); res.StatusCode != 200 || !res.Close {
		t.Errorf("a new connection got %s, close %v", res.Status, res.Close)
	}
	if res := idle.get(t); res.StatusCode != 200 || !res.Close {
		t.Errorf("an idle connection got %s, close %v", res.Status, res.Close)
	}
	// What runs is waited for, though nothing new is accepted.
	for {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			break
		}
		_ = c.Close()
	}
	select {
	case err := <-r.done:
		t.Fatalf("ended before what ran: %v", err)
	default:
	}
	close(finish)
	if res, err := http.ReadResponse(slow.r, nil); err != nil || res.StatusCode != 200 {
		t.Errorf("what ran got %v, %v", res, err)
	}
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}

func TestADrainIsBoundedInTime(t *testing.T) {
	inside := make(chan struct{})
	r := start(t, Options{DrainTimeout: 20 * time.Millisecond}, func(_ http.ResponseWriter, req *http.Request) {
		close(inside)
		<-req.Context().Done()
	})
	fmt.Fprint(r.connect(t), "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	<-inside
	r.stop()
	if err := <-r.done; err == nil || !strings.Contains(err.Error(), "20ms") {
		t.Errorf("error is %v, want one that tells of the time", err)
	}
}

func TestADrainWaitsForTunnels(t *testing.T) {
	var ended atomic.Bool
	inside, finish := make(chan struct{}), make(chan struct{})
	r := start(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		close(inside)
		<-finish
		ended.Store(true)
	})
	fmt.Fprint(r.connect(t), "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	<-inside
	r.stop()
	for !r.Draining() {
		runtime.Gosched()
	}
	close(finish)
	if err := <-r.done; err != nil || !ended.Load() {
		t.Errorf("ended with %v; tunnel finished: %v", err, ended.Load())
	}
}

func TestBounds(t *testing.T) {
	cases := []struct {
		name    string
		options Options
		send    string
		want    string // the beginning of all that comes before the end
	}{
		{"a head that does not arrive", Options{HeaderTimeout: 20 * time.Millisecond}, "GET / HT", "HTTP/1.1 400"},
		{"a head that is too large", Options{MaxHeaderBytes: 1000}, "GET / HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("x", 10_000) + "\r\n\r\n", "HTTP/1.1 431"},
		{"a connection without a next request", Options{IdleTimeout: 20 * time.Millisecond}, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := start(t, c.options, func(http.ResponseWriter, *http.Request) {})
			conn := r.connect(t)
			fmt.Fprint(conn, c.send)
			got, err := io.ReadAll(conn.r) // ends with the connection
			if err != nil || !strings.HasPrefix(string(got), c.want) {
				t.Errorf("got %q, %v", got, err)
			}
			r.stop()
			if err := <-r.done; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestMoreConnectionsThanAllowedWait(t *testing.T) {
	r := start(t, Options{MaxConnections: 1}, func(http.ResponseWriter, *http.Request) {})
	first, second := r.connect(t), r.connect(t)
	first.get(t)
	fmt.Fprint(second, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		if _, err := http.ReadResponse(second.r, nil); err != nil {
			t.Error(err)
		}
	}()
	for range 100 {
		first.get(t)
	}
	select {
	case <-answered:
		t.Error("the second connection was served beside the first")
	default:
	}
	_ = first.Close()
	<-answered
	_ = second.Close()
	r.stop()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}
