package edge

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"formation/proxy/forward"
)

// dieAfterRequest reads a request whole and closes.
func dieAfterRequest(_ net.Conn, r *bufio.Reader) { request(r) }

func TestARefusedConnectionCostsNothing(t *testing.T) {
	for _, method := range []string{"GET", "POST", "FROB"} {
		t.Run(method, func(t *testing.T) {
			p := start(t, bounds{}, refused(t), refused(t), script(t, answerAll))
			status, answer, err := p.do(t, method, "body")
			if err != nil || status != 200 || answer != method+" body" {
				t.Errorf("got %d %q, %v", status, answer, err)
			}
			p.tries(t, false, "connect failed", "connect failed", "answered")
		})
	}
}

func TestNobodyThereIs503WithRetryAfter(t *testing.T) {
	for name, addrs := range map[string][]string{"no instance": nil, "all refuse": {refused(t), refused(t)}} {
		t.Run(name, func(t *testing.T) {
			p := start(t, bounds{}, addrs...)
			c := p.connect(t)
			for range 2 { // the connection goes on
				c.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx")
				res, _ := c.response("POST")
				if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
					t.Errorf("got %s, Retry-After %q", res.Status, res.Header.Get("Retry-After"))
				}
			}
		})
	}
}

func TestAnInstanceThatDiesWithARequest(t *testing.T) {
	cases := []struct {
		name         string
		method, body string
		wantStatus   int
		wantTries    []string
	}{
		{"a GET goes to another", "GET", "", 200, []string{"broken", "answered"}},
		{"a PUT goes to another with its body whole", "PUT", "some body", 200, []string{"broken", "answered"}},
		{"a PUT that did not come with its head too", "PUT", long[:40<<10], 200, []string{"broken", "answered"}},
		{"a PUT too long to hold fails", "PUT", long[:64<<10+1], 502, []string{"broken"}},
		{"a POST fails", "POST", "some body", 502, []string{"broken"}},
		{"a POST without a body fails too", "POST", "", 502, []string{"broken"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, bounds{}, script(t, dieAfterRequest), script(t, answerAll))
			status, answer, err := p.do(t, c.method, c.body)
			if err != nil || status != c.wantStatus {
				t.Errorf("got %d, %v; want %d", status, err, c.wantStatus)
			}
			if want := c.method + " " + c.body; status == 200 && answer != want {
				t.Errorf("the second instance got %.50q, want %.50q", answer, want)
			}
			p.tries(t, c.wantStatus == 502, c.wantTries...)
		})
	}
}

func TestTriesAfterSendingAreFew(t *testing.T) {
	dying := func() string { return script(t, dieAfterRequest) }
	p := start(t, bounds{}, dying(), dying(), dying(), dying(), dying(), dying())
	if status, _, err := p.do(t, "GET", ""); err != nil || status != 502 {
		t.Errorf("got %d, %v; want 502", status, err)
	}
	p.tries(t, true, "broken", "broken", "broken", "broken")
}

func TestTheOnlyInstanceIsTriedAgain(t *testing.T) {
	p := start(t, bounds{}, script(t, dieAfterRequest, answerAll))
	if status, _, err := p.do(t, "GET", ""); err != nil || status != 200 {
		t.Errorf("got %d, %v; want 200", status, err)
	}
	p.tries(t, false, "broken", "answered")
}

// A connection that the instance closed while it was idle is not used for what
// cannot be sent twice.
func TestAClosedIdleConnectionUnderAPost(t *testing.T) {
	for range 20 {
		closed := make(chan struct{})
		p := start(t, bounds{}, script(t, func(c net.Conn, r *bufio.Reader) {
			request(r)
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			_ = c.Close()
			close(closed)
		}, answerAll))
		if status, _, err := p.do(t, "POST", "one"); err != nil || status != 200 {
			t.Fatalf("first got %d, %v", status, err)
		}
		<-closed
		if status, answer, err := p.do(t, "POST", "two"); err != nil || status != 200 || answer != "POST two" {
			t.Fatalf("second got %d %q, %v", status, answer, err)
		}
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
		request(bufio.NewReader(c))
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		_ = l.Close()
		_ = c.Close()
	}()
	p := start(t, bounds{}, l.Addr().String(), script(t, answerAll))
	for n := range 3 {
		if status, _, err := p.do(t, "POST", "x"); err != nil || status != 200 {
			t.Fatalf("request %d got %d, %v", n, status, err)
		}
		<-gone
	}
}

func TestASlowInstanceIs504AndNotAskedTwice(t *testing.T) {
	p := start(t, bounds{forward: forward.Options{ResponseTimeout: 20 * time.Millisecond}}, script(t, silence), script(t, answerAll))
	if status, _, err := p.do(t, "GET", ""); err != nil || status != http.StatusGatewayTimeout {
		t.Errorf("got %d, %v; want 504", status, err)
	}
	p.tries(t, true, "timeout")
}

func TestWhatIsNotHTTPIs502AndNotAskedTwice(t *testing.T) {
	for _, text := range []string{
		"SSH-2.0-OpenSSH_9.2\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX: " + long[:70<<10] + "\r\n\r\n",
	} {
		p := start(t, bounds{}, script(t, func(c net.Conn, r *bufio.Reader) {
			request(r)
			fmt.Fprint(c, text)
			_, _ = io.Copy(io.Discard, r) // until the proxy closes
		}))
		if status, _, err := p.do(t, "GET", ""); err != nil || status != 502 {
			t.Errorf("%.40q: got %d, %v; want 502", text, status, err)
		}
		p.tries(t, true, "malformed")
	}
}
