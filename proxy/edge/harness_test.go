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
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"formation/consul/discovery"
	"formation/proxy/conn"
	"formation/proxy/fleet"
	"formation/proxy/forward"
	"formation/proxy/record"
	"formation/proxy/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// meter keeps what it is told.
type meter struct {
	quiet     bool
	mu        sync.Mutex
	tries     []string
	exchanges []record.Exchange
	heard     chan struct{} // has an item for each exchange
}

func (m *meter) Try(o record.Outcome) {
	if m.quiet {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tries = append(m.tries, o.String())
}

func (m *meter) Exchange(e *record.Exchange) {
	if m.quiet {
		return
	}
	m.mu.Lock()
	kept := *e
	kept.Method, kept.Target, kept.RequestID = slices.Clone(e.Method), slices.Clone(e.Target), slices.Clone(e.RequestID)
	m.exchanges = append(m.exchanges, kept)
	m.mu.Unlock()
	m.heard <- struct{}{}
}

// bounds are what a test wants different from the harness's own.
type bounds struct {
	edge    Options
	forward forward.Options
	quiet   bool // nothing is kept of exchanges
}

// proxy is the whole data path on a real listener, in front of instances.
type proxy struct {
	*Server
	addr  string
	fleet *fleet.Fleet[*forward.Link]
	meter *meter
	stop  context.CancelFunc // asks it to end
	done  chan error         // how it has ended
}

// tick is so short that tests of deadlines are over soon.
const tick = 2 * time.Millisecond

// start starts a proxy. At the test's end, it has to end well and with no claim held.
func start(t testing.TB, b bounds, instances ...string) *proxy {
	t.Helper()
	sweeper := conn.NewSweeper(tick)
	pools := upstream.New(sweeper)
	p := &proxy{meter: &meter{quiet: b.quiet, heard: make(chan struct{}, 1<<16)}, done: make(chan error, 1)}
	p.fleet = fleet.New(func(i discovery.Instance) *forward.Link {
		return &forward.Link{Pool: pools.Pool(i.Addr), Meter: p.meter}
	})
	p.update(instances...)

	f := b.forward
	f.Fleet, f.Unreached = p.fleet, p.meter
	f.ConnectTimeout = cmp.Or(f.ConnectTimeout, time.Second)
	f.MaxHeaderBytes = cmp.Or(f.MaxHeaderBytes, 64<<10)
	e := b.edge
	e.MaxHeaderBytes = cmp.Or(e.MaxHeaderBytes, 64<<10)
	e.MaxConnections = cmp.Or(e.MaxConnections, 1000)
	e.DrainTimeout = cmp.Or(e.DrainTimeout, time.Minute)
	e.Sweeper, e.Log = sweeper, slog.New(slog.DiscardHandler)
	p.Server = New(forward.New(f), e)

	l, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = l.Addr().String()
	sweeping, endSweeping := context.WithCancel(context.Background())
	swept := make(chan struct{})
	go func() {
		defer close(swept)
		sweeper.Run(sweeping)
	}()
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	go func() { p.done <- p.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-p.done; err != nil {
			t.Errorf("the proxy ended with: %v", err)
		}
		close(p.done) // a test may have waited before
		p.update()
		if view := p.fleet.View(); len(view) > 0 {
			t.Errorf("claims are still held: %+v", view)
		}
		endSweeping()
		<-swept
	})
	return p
}

// update makes instances the fleet.
func (p *proxy) update(instances ...string) {
	var list []discovery.Instance
	for _, a := range instances {
		list = append(list, discovery.Instance{ID: a, Addr: a, Weight: 1, Ready: true})
	}
	p.fleet.Update(list)
}

// wait waits for the proxy's end.
func (p *proxy) wait() error {
	err := <-p.done
	p.done <- nil // for the cleanup
	return err
}

// sweeps waits until the sweeper has looked n times.
func (p *proxy) sweeps(n int) {
	done := make(chan struct{})
	p.Sweeper.Also(func(int64) {
		if n--; n == 0 {
			close(done)
		}
	})
	<-done
}

// recorded waits for the next exchange's record.
func (p *proxy) recorded(t *testing.T) record.Exchange {
	t.Helper()
	<-p.meter.heard
	p.meter.mu.Lock()
	defer p.meter.mu.Unlock()
	e := p.meter.exchanges[0]
	p.meter.exchanges = p.meter.exchanges[1:]
	return e
}

// tries checks how the tries of one exchange have ended, and whether it was broken.
func (p *proxy) tries(t *testing.T, broken bool, want ...string) {
	t.Helper()
	e := p.recorded(t)
	p.meter.mu.Lock()
	defer p.meter.mu.Unlock()
	if !slices.Equal(p.meter.tries, want) || e.Broken != broken || e.Tries != len(want) {
		t.Errorf("tries %q, broken %v, recorded %d; want %q, %v", p.meter.tries, e.Broken, e.Tries, want, broken)
	}
	p.meter.tries = nil
}

// client is one connection to the proxy.
type peer struct {
	*net.TCPConn
	r *bufio.Reader
	t testing.TB
}

func (p *proxy) connect(t testing.TB) peer {
	t.Helper()
	c, err := net.Dial("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return peer{c.(*net.TCPConn), bufio.NewReader(c), t}
}

// say sends text.
func (c peer) say(text string) { fmt.Fprint(c, text) }

// response reads one response to method, with its body.
func (c peer) response(method string) (*http.Response, string) {
	c.t.Helper()
	res, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Errorf("the body after %q: %v", body, err)
	}
	return res, string(body)
}

// all reads until the connection ends.
func (c peer) all() string {
	b, _ := io.ReadAll(c.r)
	return string(b)
}

// get makes one plain request.
func (c peer) get() *http.Response {
	c.t.Helper()
	c.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	res, _ := c.response("GET")
	return res
}

// do sends one request on a connection of its own and reads the whole response.
func (p *proxy) do(t *testing.T, method, body string) (status int, answer string, err error) {
	t.Helper()
	c := p.connect(t)
	defer c.Close()
	framing := ""
	if body != "" {
		framing = fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	c.say(method + " / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n" + framing + "\r\n" + body)
	res, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	return res.StatusCode, string(got), err
}

// script is an instance that treats its connections, in order, as told; the last
// step goes on for all that follow.
func script(t *testing.T, steps ...func(net.Conn, *bufio.Reader)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			step := steps[min(n, len(steps)-1)]
			conns.Go(func() {
				defer c.Close()
				stop := context.AfterFunc(t.Context(), func() { _ = c.Close() })
				defer stop()
				step(c, bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); conns.Wait() })
	return l.Addr().String()
}

// answerAll answers every request with its method and body.
func answerAll(c net.Conn, r *bufio.Reader) {
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		answer := req.Method + " " + string(body)
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer)
	}
}

// answer reads one request whole and answers with text.
func answer(text string) func(net.Conn, *bufio.Reader) {
	return func(c net.Conn, r *bufio.Reader) {
		if request(r) {
			fmt.Fprint(c, text)
		}
	}
}

// request reads one request whole.
func request(r *bufio.Reader) bool {
	req, err := http.ReadRequest(r)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, req.Body)
	return err == nil
}

// silence reads what comes, and says nothing.
func silence(_ net.Conn, r *bufio.Reader) { _, _ = io.Copy(io.Discard, r) }

// refused is an address that refuses connections.
func refused(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// until waits for something to become true.
func until(cond func() bool) {
	for !cond() {
		runtime.Gosched()
	}
}

// long is a text that no buffer holds.
var long = strings.Repeat("0123456789abcdef", 1<<16)
