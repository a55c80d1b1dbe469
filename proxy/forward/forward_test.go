package forward

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"formation/consul/discovery"
	"formation/proxy/fleet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder keeps what it is told.
type recorder struct {
	mu       sync.Mutex
	tries    []string
	statuses []int
	broken   int
}

func (r *recorder) Exchange(status int) { r.note(func() { r.statuses = append(r.statuses, status) }) }
func (r *recorder) Try(outcome string)  { r.note(func() { r.tries = append(r.tries, outcome) }) }
func (r *recorder) Broken()             { r.note(func() { r.broken++ }) }

func (r *recorder) note(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

func (r *recorder) expect(t *testing.T, broken int, tries ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.tries, tries) || r.broken != broken {
		t.Errorf("tries %v, %d broken; want %v, %d", r.tries, r.broken, tries, broken)
	}
}

// edge is the handler under test behind a real server, in front of real listeners.
type edge struct {
	*httptest.Server
	fleet *fleet.Fleet[*Link]
	rec   *recorder
}

func newEdge(t *testing.T, addrs ...string) *edge {
	t.Helper()
	return newEdgeWith(t, 0, addrs...)
}

func newEdgeWith(t *testing.T, response time.Duration, addrs ...string) *edge {
	t.Helper()
	e := &edge{rec: &recorder{}}
	e.fleet = fleet.New(func(i discovery.Instance) *Link { return NewLink(i.Addr, time.Second, response) })
	var list []discovery.Instance
	for _, a := range addrs {
		list = append(list, discovery.Instance{ID: a, Addr: a, Weight: 1, Ready: true})
	}
	e.fleet.Update(list)
	e.Server = httptest.NewServer(Handler(Options{
		Fleet: e.fleet, ConnectTimeout: time.Second, Recorder: e.rec, Log: slog.New(slog.DiscardHandler),
	}))
	t.Cleanup(func() {
		e.Close()
		e.fleet.Update(nil)
		// A tunnel's claim ends in a goroutine of its own.
		for end := time.Now().Add(5 * time.Second); len(e.fleet.View()) > 0; runtime.Gosched() {
			if time.Now().After(end) {
				t.Fatalf("claims are still held: %+v", e.fleet.View())
			}
		}
	})
	return e
}

// do sends one request and reads the whole response.
func (e *edge) do(t *testing.T, method, body string) (status int, answer string, err error) {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, e.URL+"/", r)
	if err != nil {
		t.Fatal(err)
	}
	res, err := e.Client().Transport.RoundTrip(req)
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

// dieAfterRequest reads a request whole and closes.
func dieAfterRequest(_ net.Conn, r *bufio.Reader) {
	if req, err := http.ReadRequest(r); err == nil {
		_, _ = io.Copy(io.Discard, req.Body)
	}
}

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

func TestARefusedConnectionCostsNothing(t *testing.T) {
	for _, method := range []string{"GET", "POST", "FROB"} {
		t.Run(method, func(t *testing.T) {
			e := newEdge(t, refused(t), refused(t), script(t, answerAll))
			status, answer, err := e.do(t, method, "body")
			if err != nil || status != 200 || answer != method+" body" {
				t.Errorf("got %d %q, %v", status, answer, err)
			}
			e.rec.expect(t, 0, "connect failed", "connect failed", "answered")
		})
	}
}

func TestNobodyThereIs503WithRetryAfter(t *testing.T) {
	for name, addrs := range map[string][]string{"no instance": nil, "all refuse": {refused(t), refused(t)}} {
		t.Run(name, func(t *testing.T) {
			e := newEdge(t, addrs...)
			res, err := e.Client().Post(e.URL, "text/plain", strings.NewReader("x"))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
				t.Errorf("got %s, Retry-After %q", res.Status, res.Header.Get("Retry-After"))
			}
		})
	}
}

func TestAnInstanceThatDiesWithARequest(t *testing.T) {
	long := strings.Repeat("x", maxHeld+1)
	cases := []struct {
		name         string
		method, body string
		wantStatus   int
		wantBroken   int
		wantTries    []string
	}{
		{"a GET goes to another", "GET", "", 200, 0, []string{"broken", "answered"}},
		{"a PUT goes to another with its body whole", "PUT", "some body", 200, 0, []string{"broken", "answered"}},
		{"a PUT too long to hold fails", "PUT", long, 502, 1, []string{"broken"}},
		{"a POST fails", "POST", "some body", 502, 1, []string{"broken"}},
		{"a POST without a body fails too", "POST", "", 502, 1, []string{"broken"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := newEdge(t, script(t, dieAfterRequest), script(t, answerAll))
			status, answer, err := e.do(t, c.method, c.body)
			if err != nil || status != c.wantStatus {
				t.Errorf("got %d, %v; want %d", status, err, c.wantStatus)
			}
			if want := c.method + " " + c.body; status == 200 && answer != want {
				t.Errorf("the second instance got %q, want %q", answer, want)
			}
			e.rec.expect(t, c.wantBroken, c.wantTries...)
		})
	}
}

func TestTriesAfterSendingAreFew(t *testing.T) {
	dying := func() string { return script(t, dieAfterRequest) }
	e := newEdge(t, dying(), dying(), dying(), dying(), dying(), dying())
	if status, _, err := e.do(t, "GET", ""); err != nil || status != 502 {
		t.Errorf("got %d, %v; want 502", status, err)
	}
	e.rec.expect(t, 1, "broken", "broken", "broken", "broken")
}

func TestTheOnlyInstanceIsTriedAgain(t *testing.T) {
	e := newEdge(t, script(t, dieAfterRequest, answerAll))
	if status, _, err := e.do(t, "GET", ""); err != nil || status != 200 {
		t.Errorf("got %d, %v; want 200", status, err)
	}
	e.rec.expect(t, 0, "broken", "answered")
}

// A connection that the instance closed while it was idle is not used for what
// cannot be sent twice.
func TestAClosedIdleConnectionUnderAPost(t *testing.T) {
	for range 20 {
		closed := make(chan struct{})
		e := newEdge(t, script(t, func(c net.Conn, r *bufio.Reader) {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			_ = c.Close()
			close(closed)
		}, answerAll))
		if status, _, err := e.do(t, "POST", "one"); err != nil || status != 200 {
			t.Fatalf("first got %d, %v", status, err)
		}
		<-closed
		if status, answer, err := e.do(t, "POST", "two"); err != nil || status != 200 || answer != "POST two" {
			t.Fatalf("second got %d %q, %v", status, answer, err)
		}
	}
}

func TestASwitchOfProtocolsNobodyAskedFor(t *testing.T) {
	e := newEdge(t, script(t, func(c net.Conn, r *bufio.Reader) {
		_, _ = http.ReadRequest(r)
		fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
		_, _ = io.Copy(io.Discard, r) // until the proxy closes
	}))
	if status, _, err := e.do(t, "POST", ""); err != nil || status != 502 {
		t.Errorf("got %d, %v; want 502", status, err)
	}
	e.rec.expect(t, 1, "broken")
}

func TestATransportDoesNotSendTwiceByItself(t *testing.T) {
	requests := make(chan string, 10)
	once := func(answer bool) func(net.Conn, *bufio.Reader) {
		return func(c net.Conn, r *bufio.Reader) {
			for n := 0; ; n++ {
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				requests <- req.Method
				if n > 0 || !answer {
					return
				}
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			}
		}
	}
	e := newEdge(t, script(t, once(true), once(false)))
	if status, _, err := e.do(t, "POST", ""); err != nil || status != 200 {
		t.Fatalf("the first got %d, %v", status, err)
	}
	// The connection is used again, and breaks after the request was sent. net/http
	// takes this header for leave to send a POST again.
	req, _ := http.NewRequest("POST", e.URL, nil)
	req.Header.Set("Idempotency-Key", "1")
	res, err := e.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != 502 || len(requests) != 2 {
		t.Errorf("got %s and the instance %d requests, want 502 and 2", res.Status, len(requests))
	}
	e.rec.expect(t, 1, "answered", "broken")
}

func TestAClientThatHalfClosesIsNotToldOfSuccess(t *testing.T) {
	e := newEdge(t, script(t, func(_ net.Conn, r *bufio.Reader) { _, _ = io.Copy(io.Discard, r) }))
	c, err := net.Dial("tcp", e.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	_ = c.(*net.TCPConn).CloseWrite()
	if got, _ := io.ReadAll(c); len(got) > 0 {
		t.Errorf("got %q, want the connection's end", got)
	}
}

func TestAnInstanceThatIsGoneWithItsIdleConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = http.ReadRequest(bufio.NewReader(c))
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		_ = l.Close()
		_ = c.Close()
	}()
	e := newEdge(t, l.Addr().String(), script(t, answerAll))
	for n := range 3 {
		if status, _, err := e.do(t, "GET", ""); err != nil || status != 200 {
			t.Fatalf("request %d got %d, %v", n, status, err)
		}
		<-gone
	}
	e.rec.expect(t, 0, "answered", "answered", "connect failed", "answered")
}

func TestAnInstanceThatDiesMidBodyCutsTheClientOff(t *testing.T) {
	heads := map[string]string{
		"with a length": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart",
		"chunked":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
	}
	for name, head := range heads {
		t.Run(name, func(t *testing.T) {
			e := newEdge(t, script(t, func(c net.Conn, r *bufio.Reader) {
				_, _ = http.ReadRequest(r)
				fmt.Fprint(c, head)
			}), script(t, answerAll))
			status, answer, err := e.do(t, "GET", "")
			if status != 200 || answer != "part" || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("got %d %q, %v; want a truncated body that can be told", status, answer, err)
			}
			e.rec.expect(t, 1, "answered")
		})
	}
}

func TestASlowInstanceIs504AndNotAskedTwice(t *testing.T) {
	slow := script(t, func(c net.Conn, _ *bufio.Reader) { _, _ = io.Copy(io.Discard, c) })
	e := newEdgeWith(t, 20*time.Millisecond, slow, script(t, answerAll))
	if status, _, err := e.do(t, "GET", ""); err != nil || status != http.StatusGatewayTimeout {
		t.Errorf("got %d, %v; want 504", status, err)
	}
	e.rec.expect(t, 1, "timeout")
}

func TestAClientThatLeavesCancelsTheTry(t *testing.T) {
	asked, left := make(chan struct{}), make(chan struct{})
	e := newEdge(t, script(t, func(c net.Conn, r *bufio.Reader) {
		_, _ = http.ReadRequest(r)
		close(asked)
		_, _ = io.Copy(io.Discard, r) // until the proxy closes
		close(left)
	}))
	ctx, leave := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", e.URL, nil)
	go func() { <-asked; leave() }()
	if res, err := e.Client().Do(req); err == nil {
		_ = res.Body.Close()
		t.Errorf("got %s, want the client's own end", res.Status)
	}
	<-left
}

func TestWhatIsForwarded(t *testing.T) {
	seen := make(chan *http.Request, 1)
	instance := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r }))
	defer instance.Close()
	e := newEdge(t, instance.Listener.Addr().String())

	c, err := net.Dial("tcp", e.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /a%2Fb?x=%zz&y=1;2 HTTP/1.1\r\nHost: example.org\r\n"+
		"Connection: close, X-Forwarded-For, X-Mine\r\nX-Mine: 1\r\nX-Forwarded-For: 203.0.113.7\r\nKeep-Alive: 5\r\n\r\n")
	r := <-seen
	if r.RequestURI != "/a%2Fb?x=%zz&y=1;2" || r.Host != "example.org" {
		t.Errorf("forwarded %q of %q", r.RequestURI, r.Host)
	}
	want := http.Header{"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"example.org"}}
	if fmt.Sprint(r.Header) != fmt.Sprint(want) {
		t.Errorf("forwarded %v, want %v", r.Header, want)
	}
}

func TestAResponseStreams(t *testing.T) {
	next := make(chan struct{})
	instance := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		for range 3 {
			fmt.Fprintln(w, "line")
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	}))
	defer instance.Close()
	e := newEdge(t, instance.Listener.Addr().String())
	res, err := e.Client().Get(e.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for range 3 {
		if !lines.Scan() { // the instance does not go on before this one is here
			t.Fatal("the stream ended early")
		}
		next <- struct{}{}
	}
}

func TestAWebSocketPassesThrough(t *testing.T) {
	instance := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		for {
			kind, message, err := c.Read(r.Context())
			if err != nil {
				return
			}
			_ = c.Write(r.Context(), kind, append([]byte("echo "), message...))
		}
	}))
	defer instance.Close()
	e := newEdge(t, instance.Listener.Addr().String())
	c, res, err := websocket.Dial(t.Context(), e.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if res.Body != nil {
		defer res.Body.Close()
	}
	for _, message := range []string{"one", "two"} {
		if err := c.Write(t.Context(), websocket.MessageText, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := c.Read(t.Context()); err != nil || string(got) != "echo "+message {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if claims := e.fleet.View()[0].Claims; claims != 1 {
		t.Errorf("%d claims while the tunnel is open, want 1", claims)
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
}
