package edge

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"formation/proxy/forward"
)

func TestLimits(t *testing.T) {
	const short = 20 * time.Millisecond
	cases := []struct {
		name   string
		bounds bounds
		said   string
		want   string // the beginning of all that comes before the end
	}{
		{"a head that does not arrive in time", bounds{edge: Options{HeaderTimeout: short}}, "GET / HT", "HTTP/1.1 408 "},
		{"an empty line and no head", bounds{edge: Options{HeaderTimeout: short}}, "\r\n", "HTTP/1.1 408 "},
		{"a head over the bound", bounds{edge: Options{MaxHeaderBytes: 1000}}, "GET / HTTP/1.1\r\nHost: h\r\nX: " + strings.Repeat("x", 1000), "HTTP/1.1 431 "},
		{"a head over the bound that is larger than a buffer", bounds{}, "GET / HTTP/1.1\r\nHost: h\r\nX: " + long[:70<<10], "HTTP/1.1 431 "},
		{"a target over it", bounds{edge: Options{MaxHeaderBytes: 1000}}, "GET /" + strings.Repeat("x", 1000), "HTTP/1.1 414 "},
		{"too many fields", bounds{}, "GET / HTTP/1.1\r\nHost: h\r\n" + strings.Repeat("X: y\r\n", 200), "HTTP/1.1 431 "},
		{"a body over the bound, by its length", bounds{forward: forward.Options{MaxBodyBytes: 10}}, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n", "HTTP/1.1 413 "},
		{"a body over the bound, by its chunks", bounds{forward: forward.Options{MaxBodyBytes: 10}}, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n6\r\n123456\r\n", "HTTP/1.1 413 "},
		{"a connection without a first request", bounds{edge: Options{IdleTimeout: short}}, "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, c.bounds, script(t, silence))
			client := p.connect(t)
			client.say(c.said)
			got := client.all()
			if !strings.HasPrefix(got, c.want) || (c.want == "") != (got == "") {
				t.Errorf("got %.60q", got)
			}
			if c.want != "" && (!strings.Contains(got, "\r\nConnection: close\r\n") || !strings.Contains(got, "\r\nDate: ")) {
				t.Errorf("got %q, without its end or its date", got)
			}
		})
	}
	t.Run("a connection without a next request", func(t *testing.T) {
		p := start(t, bounds{edge: Options{IdleTimeout: short}}, script(t, answerAll))
		c := p.connect(t)
		c.get()
		if rest := c.all(); rest != "" {
			t.Errorf("then %q", rest)
		}
	})
	t.Run("an empty line and the end are no request", func(t *testing.T) {
		p := start(t, bounds{}, script(t, answerAll))
		c := p.connect(t)
		c.get()
		c.say("\r\n")
		_ = c.CloseWrite()
		if rest := c.all(); rest != "" {
			t.Errorf("then %q", rest)
		}
	})
	t.Run("what is at the bounds passes", func(t *testing.T) {
		head := "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\nX: "
		p := start(t, bounds{edge: Options{MaxHeaderBytes: 1000}, forward: forward.Options{MaxBodyBytes: 10}}, script(t, answerAll))
		c := p.connect(t)
		for range 2 {
			c.say(head + strings.Repeat("x", 1000-len(head)-4) + "\r\n\r\n0123456789")
			if res, got := c.response("POST"); res.StatusCode != 200 || got != "POST 0123456789" {
				t.Errorf("got %s %q", res.Status, got)
			}
		}
	})
	t.Run("a head of 64 KiB passes, both ways", func(t *testing.T) {
		p := start(t, bounds{}, script(t, func(c net.Conn, r *bufio.Reader) {
			if req, err := http.ReadRequest(r); err == nil {
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX: %s\r\n\r\nend", req.Header.Get("X"))
			}
		}))
		c := p.connect(t)
		value := long[:64<<10-100]
		c.say("GET / HTTP/1.1\r\nHost: h\r\nX: " + value + "\r\n\r\n")
		if res, got := c.response("GET"); res.StatusCode != 200 || got != "end" || res.Header.Get("X") != value {
			t.Errorf("got %s %q and %d bytes", res.Status, got, len(res.Header.Get("X")))
		}
	})
}

func TestMoreConnectionsThanAllowedAreRefusedPolitely(t *testing.T) {
	p := start(t, bounds{edge: Options{MaxConnections: 1}}, script(t, answerAll))
	first := p.connect(t)
	first.get()
	second := p.connect(t)
	second.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	if res, _ := second.response("GET"); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || !res.Close {
		t.Errorf("got %s, Retry-After %q, close %v", res.Status, res.Header.Get("Retry-After"), res.Close)
	}
	if rest := second.all(); rest != "" {
		t.Errorf("then %q", rest)
	}
	_ = second.Close()
	if open, accepted, refused := p.Connections(); open != 1 || accepted != 2 || refused != 1 {
		t.Errorf("%d open, %d accepted, %d refused", open, accepted, refused)
	}
	_ = first.Close()
	until(func() bool { open, _, _ := p.Connections(); return open == 0 })
	p.connect(t).get()
}

// Back-pressure: what the client does not take, the instance cannot send.
func TestAResponseWaitsForItsClient(t *testing.T) {
	for _, head := range []string{"Content-Length: 1073741824", "Transfer-Encoding: chunked", "X: y"} {
		var sent int64
		blocked := make(chan struct{})
		p := start(t, bounds{}, script(t, part("HTTP/1.1 200 OK\r\n"+head+"\r\n\r\n", func(c net.Conn, _ *bufio.Reader) {
			defer close(blocked)
			for sent < 1<<30 {
				_ = c.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
				n, err := fmt.Fprintf(c, "%x\r\n%s\r\n", len(long), long)
				sent += int64(n)
				if err != nil {
					return
				}
			}
		})))
		c := p.connect(t)
		c.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		<-blocked
		if sent > 64<<20 {
			t.Errorf("%s: the instance sent %d bytes to a client that reads nothing", head, sent)
		}
		_ = c.SetLinger(0)
		_ = c.Close()
		_, _ = io.Copy(io.Discard, c)
	}
}
