package edge

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"formation/proxy/forward"
	"formation/proxy/record"
)

// These tests are a client that knows what it sends to the byte, and when.

// taken waits until the proxy has read all that its one client has sent: on the loopback interface that
// has arrived by the time Write returns.
func (p *proxy) taken() {
	until(func() bool {
		taken := false
		p.each(func(c *client) { taken = !c.Pending() })
		return taken
	})
}

func TestPipelinedRequests(t *testing.T) {
	p := start(t, bounds{}, script(t, answerAll))
	c := p.connect(t)
	var all strings.Builder
	var want []string
	for n := range 10 {
		body := strings.Repeat(fmt.Sprint(n), []int{0, 1, 100, 9000, 100000}[n%5])
		switch {
		case n%2 == 0:
			fmt.Fprintf(&all, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			want = append(want, "POST "+body)
		case n == 5:
			all.WriteString("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n")
			want = append(want, "GET ")
		default:
			all.WriteString("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
			for len(body) > 0 {
				size := min(len(body), 7000)
				fmt.Fprintf(&all, "%x\r\n%s\r\n", size, body[:size])
				body = body[size:]
			}
			all.WriteString("0\r\nX-Sum: 1\r\n\r\n")
			want = append(want, "PUT "+strings.Repeat(fmt.Sprint(n), []int{0, 1, 100, 9000, 100000}[n%5]))
		}
	}
	for range 3 {
		go c.say(all.String()) // the answers have to be read meanwhile
		for n, want := range want {
			if res, body := c.response("POST"); res.StatusCode != 200 || body != want {
				t.Fatalf("answer %d is %s %.40q (%d), want %.40q (%d)", n, res.Status, body, len(body), want, len(want))
			}
		}
	}
}

// An end in the same segment as a head wakes nobody a second time.
func TestAnEndThatComesWithARequest(t *testing.T) {
	p := start(t, bounds{}, script(t, answerAll))
	for before := range 3 {
		c := p.connect(t)
		for range before {
			c.get()
		}
		raw, err := c.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		if err := raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK, 1)
		}); err != nil {
			t.Fatal(err)
		}
		c.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		_ = c.CloseWrite()
		if res, _ := c.response("GET"); res.StatusCode != 200 {
			t.Errorf("after %d: %s", before, res.Status)
		}
		if rest := c.all(); rest != "" {
			t.Errorf("after %d, then %q", before, rest)
		}
	}
}

// So does what is behind an urgent byte (RFC 9293, 3.8.5), at which a read ends.
func TestARequestBehindAnUrgentByte(t *testing.T) {
	p := start(t, bounds{}, script(t, answerAll))
	c := p.connect(t)
	c.get()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	const request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
	if err := raw.Control(func(fd uintptr) {
		err = errors.Join(
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK, 1),
			unix.Sendto(int(fd), []byte(request), 0, nil),
			unix.Sendto(int(fd), []byte("!"), unix.MSG_OOB|unix.MSG_MORE, nil),
			unix.Sendto(int(fd), []byte(request), unix.MSG_MORE, nil),
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK, 0))
	}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if res, _ := c.response("GET"); res.StatusCode != 200 {
			t.Error(res.Status)
		}
	}
}

// Whatever ends a connection, what follows it there is not served.
func TestNothingFollowsTheEnd(t *testing.T) {
	const more = "GET /more HTTP/1.1\r\nHost: h\r\n\r\n"
	instance := func(c net.Conn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			switch req.URL.Path {
			case "/short":
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\nshort")
				return
			case "/open":
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\n\r\nopen")
				return
			default:
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(req.URL.Path), req.URL.Path)
			}
		}
	}
	cases := map[string]string{
		"close is asked for":        "GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + more,
		"and an empty line follows": "GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n\r\n",
		"HTTP/1.0":                  "GET /last HTTP/1.0\r\nHost: h\r\n\r\n" + more,
		"a response is cut off":     "GET /short HTTP/1.1\r\nHost: h\r\n\r\n" + more,
		"a response ends so":        "GET /open HTTP/1.0\r\nHost: h\r\n\r\n" + more,
	}
	for name, said := range cases {
		for before := range 2 {
			t.Run(fmt.Sprint(name, ", before it ", before), func(t *testing.T) {
				p := start(t, bounds{}, script(t, instance))
				c := p.connect(t)
				for range before {
					c.get()
				}
				c.say(said)
				if got := c.all(); strings.Count(got, "HTTP/1.1 200") > 1 || strings.Contains(got, "/more") {
					t.Errorf("got %q", got)
				}
			})
		}
	}
	t.Run("a drain", func(t *testing.T) {
		p := start(t, bounds{}, script(t, instance))
		c := p.connect(t)
		c.get()
		p.draining.Store(true)
		c.say(more + more + more)
		if got := c.all(); strings.Count(got, "HTTP/1.1 200") != 1 {
			t.Errorf("got %q", got)
		}
	})
}

// A mistake of ours costs the client its connection, and nobody else anything.
func TestAPanicEndsItsConnectionAlone(t *testing.T) {
	for before := range 2 {
		exchanges := 0
		p := start(t, bounds{forward: forward.Options{Log: func(*record.Exchange) {
			if exchanges++; exchanges == before+1 {
				panic("a mistake")
			}
		}}}, script(t, answerAll))
		c := p.connect(t)
		for range before + 1 {
			c.get()
		}
		if rest := c.all(); rest != "" {
			t.Errorf("then %q", rest)
		}
		other := p.connect(t)
		other.get()
		other.get()
	}
}

// The end of what one write brought may be anywhere.
func TestARequestInTwoParts(t *testing.T) {
	for name, request := range map[string]string{
		"chunks": "\nPUT /a?b HTTP/1.1\nHost: h\nA:b\nConnection: a, keep-alive\nTransfer-Encoding: chunked\n\n" +
			"1;a=b\na\n00e\nsome \n\n more\n0;x\nX-Sum: 1\nlast:\n\n",
		"a length": "POST http://h/ HTTP/1.1\nHost: h\nContent-Length: 14\n\na\n\nsome more",
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, bounds{}, script(t, answerAll))
			c := p.connect(t)
			request := crlf(request)
			_, body, _ := strings.Cut(request, "\r\n\r\n")
			want := "POST " + body
			if name == "chunks" {
				want = "PUT asome \r\n\r\n more"
			}
			check := func(what string, at int) {
				t.Helper()
				if res, body := c.response("POST"); res.StatusCode != 200 || body != want {
					t.Fatalf("%s %d: got %s %q, want %q", what, at, res.Status, body, want)
				}
			}
			for at := 1; at < len(request); at++ {
				c.say(request[:at])
				p.taken()
				c.say(request[at:])
				check("in two parts at", at)
			}
			for at := range request { // and each byte by itself
				c.say(request[at : at+1])
				p.taken()
			}
			check("in parts of", 1)
		})
	}
}

func TestRequestsOfAllKindsOnOneConnection(t *testing.T) {
	p := start(t, bounds{}, script(t, answerAll))
	c := p.connect(t)
	for range 3 {
		for _, r := range []struct{ request, want string }{
			{"GET / HTTP/1.1\nHost: h\n\n", "GET "},
			{"POST / HTTP/1.1\nHost: h\nContent-Length: 3\n\nabc", "POST abc"},
			{"POST / HTTP/1.0\nConnection: keep-alive\nContent-Length: 3\n\nabc", "POST abc"},
			{"PUT / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n", "PUT abc"},
			{"DELETE http://h HTTP/1.1\nHost: h\nContent-Length: 0\n\n", "DELETE "},
			{"PUT / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n0\n\n", "PUT "},
			{"FROB / HTTP/1.1\nHost: h\nContent-Length: " + fmt.Sprint(len(long)) + "\n\n" + long, "FROB " + long},
			{"HEAD / HTTP/1.1\nHost: h\n\n", ""},
			{"OPTIONS * HTTP/1.1\nHost: h\n\n", "OPTIONS "},
		} {
			go c.say(crlf(r.request)) // a long one may be answered before it is written
			method, _, _ := strings.Cut(r.request, " ")
			if method == "HEAD" {
				res, err := http.ReadResponse(c.r, &http.Request{Method: "HEAD"})
				if err != nil || res.ContentLength != int64(len("HEAD ")) {
					t.Fatalf("HEAD: got %v, %v", res, err)
				}
				continue
			}
			if res, body := c.response(method); res.StatusCode != 200 || body != r.want {
				t.Fatalf("%.40q: got %s %.40q", r.request, res.Status, body)
			}
		}
	}
	if _, accepted, _ := p.Connections(); accepted != 1 {
		t.Errorf("%d connections were accepted, want 1", accepted)
	}
}

// As `ab -k` does: HTTP/1.0 and its keep-alive.
func TestHTTP10KeepAlive(t *testing.T) {
	p := start(t, bounds{}, script(t, answerAll))
	c := p.connect(t)
	for n := range 100 {
		c.say("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\nHost: h\r\nUser-Agent: ApacheBench/2.3\r\nAccept: */*\r\n\r\n")
		res, body := c.response("GET")
		if res.StatusCode != 200 || body != "GET " || res.Header.Get("Connection") != "keep-alive" {
			t.Fatalf("request %d got %s %q, %q", n, res.Status, body, res.Header)
		}
	}
	c.say("GET / HTTP/1.0\r\n\r\n")
	if got, want := c.all(), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nGET "; got != want {
		t.Errorf("the last got %q, want %q", got, want)
	}
}

// What is wrong is said at the first byte that shows it: nothing is sent after that, and
// the answer comes all the same.
func TestWhatIsRefused(t *testing.T) {
	const (
		get    = "GET / HTTP/1.1\nHost: h\n"
		post   = "POST / HTTP/1.1\nHost: h\n"
		chunks = post + "Transfer-Encoding: chunked\n\n"
	)
	repeat := func(n int) string { return strings.Repeat("x", n) }
	cases := []struct {
		name   string
		sent   string // \n is sent as \r\n, \v as \n, and \f as \r
		status int
	}{
		{"Content-Length, then Transfer-Encoding", post + "Content-Length: 1\nTransfer-Encoding: chunked\n", 400},
		{"Transfer-Encoding, then Content-Length", post + "Transfer-Encoding: chunked\nContent-Length: 1\n", 400},
		{"Content-Length twice", post + "Content-Length: 1\nContent-Length: 1\n", 400},
		{"two lengths", post + "Content-Length: 1\ncontent-length: 2\n", 400},
		{"a list of lengths", post + "Content-Length: 1, 1\n", 400},
		{"a length with a sign", post + "Content-Length: +1\n", 400},
		{"a negative length", post + "Content-Length: -1\n", 400},
		{"a hexadecimal length", post + "Content-Length: 0x1\n", 400},
		{"a length with a fraction", post + "Content-Length: 1.0\n", 400},
		{"a length with a space in it", post + "Content-Length: 1 0\n", 400},
		{"a length with an underscore", post + "Content-Length: 1_0\n", 400},
		{"a length in quotes", post + "Content-Length: \"1\"\n", 400},
		{"a length in other digits", post + "Content-Length: １\n", 400},
		{"an empty length", post + "Content-Length:\n", 400},
		{"a length of 2⁶³", post + "Content-Length: 9223372036854775808\n", 400},
		{"a length of 2⁶⁴ + 1", post + "Content-Length: 18446744073709551617\n", 400},

		{"another coding", post + "Transfer-Encoding: gzip\n", 501},
		{"identity", post + "Transfer-Encoding: identity\n", 501},
		{"another coding before chunked", post + "Transfer-Encoding: gzip, chunked\n", 501},
		{"another coding after it", post + "Transfer-Encoding: chunked, gzip\n", 501},
		{"chunked twice", post + "Transfer-Encoding: chunked, chunked\n", 501},
		{"what looks like chunked", post + "Transfer-Encoding: xchunked\n", 501},
		{"chunked with a parameter", post + "Transfer-Encoding: chunked;q=1\n", 400},
		{"chunked in quotes", post + "Transfer-Encoding: \"chunked\"\n", 400},
		{"chunked and a comma", post + "Transfer-Encoding: chunked,\n", 400},
		{"chunked after a control character", post + "Transfer-Encoding: \x1fchunked", 400},
		{"no coding", post + "Transfer-Encoding:\n", 400},
		{"Transfer-Encoding twice", post + "Transfer-Encoding: chunked\nTransfer-Encoding: chunked\n", 400},
		{"any coding in HTTP/1.0", "POST / HTTP/1.0\nTransfer-Encoding: chunked\n", 400},

		{"LF alone after the request line", "GET / HTTP/1.1\v", 400},
		{"LF alone after a field", get + "A: b\v", 400},
		{"LF alone as the end", get + "\v", 400},
		{"LF alone first", "\v", 400},
		{"CR alone in the request line", "GET / HTTP/1.1\fX", 400},
		{"CR alone in a value", get + "A: b\fc", 400},
		{"CR twice", get + "A: b\f\n", 400},
		{"CR alone as the end", get + "\fX", 400},
		{"CR alone first", "\fG", 400},
		{"CR in a name", get + "A\fB", 400},
		{"two lines before the request line", "\n\n", 400},
		{"NUL in a value", get + "A: \x00", 400},
		{"DEL in a value", get + "A: \x7f", 400},
		{"ESC in a value", get + "A: \x1b", 400},
		{"NUL in a name", get + "A\x00", 400},
		{"NUL in the target", "GET /\x00", 400},
		{"NUL in the method", "GE\x00", 400},
		{"a folded line", get + "A: b\n ", 400},
		{"a folded line with a tab", get + "A: b\n\t", 400},
		{"a first line that begins with a space", "GET / HTTP/1.1\n ", 400},
		{"a space before the colon", get + "A ", 400},
		{"a tab before the colon", get + "Content-Length\t", 400},
		{"a line without a colon", get + "A\n", 400},
		{"an empty name", get + ":", 400},
		{"a name with a bracket", get + "A(", 400},
		{"a name in another alphabet", get + "Ä", 400},
		{"a method that is no token", "GE(", 400},
		{"no method", " ", 400},
		{"TLS", "\x16", 400},

		{"a control character in the target", "GET /\x01", 400},
		{"DEL in the target", "GET /\x7f", 400},
		{"obs-text in the target", "GET /\x80", 400},
		{"a tab in the target", "GET /\t", 400},
		{"a fragment", "GET /a#", 400},
		{"no target", "GET  ", 400},
		{"a target that is no path", "GET a", 400},
		{"a target of another scheme", "GET ftp:", 400},
		{"a target without an authority", "GET http:///", 400},
		{"user information in the target", "GET http://u@h/", 400},
		{"* for GET", "GET *", 400},
		{"CONNECT", "CONNECT ", 501},
		{"two spaces after the target", "GET /  ", 400},
		{"a tab after the target", "GET /\tHTTP", 400},
		{"a space after the version", "GET / HTTP/1.1 ", 400},
		{"no version", "GET /\n", 400},
		{"a version in lower case", "GET / http", 400},
		{"no number", "GET / HTTP/x", 400},
		{"HTTP/2", "PRI * HTTP/2.0", 400},
		{"HTTP/2 as a version", "GET / HTTP/2.0", 505},
		{"HTTP/1.2", "GET / HTTP/1.2", 505},
		{"HTTP/0.9", "GET / HTTP/0.9", 505},

		{"no host", "GET / HTTP/1.1\nA: b\n\n", 400},
		{"no host, but in the target", "GET http://h/ HTTP/1.1\n\n", 400},
		{"two hosts", get + "Host: h\n", 400},
		{"two hosts in HTTP/1.0", "GET / HTTP/1.0\nHost: h\nhost: i\n", 400},
		{"an empty host", "GET / HTTP/1.1\nHost:\n", 400},
		{"a host with a path", "GET / HTTP/1.1\nHost: h/a\n", 400},
		{"a list of hosts", "GET / HTTP/1.1\nHost: h, [::1]\n", 400},
		{"a host with user information", "GET / HTTP/1.1\nHost: u@h\n", 400},
		{"a host with a space", "GET / HTTP/1.1\nHost: h i\n", 400},
		{"a host with a port that is none", "GET / HTTP/1.1\nHost: h:x\n", 400},
		{"a host with a port too large", "GET / HTTP/1.1\nHost: h:65536\n", 400},
		{"a host with obs-text", "GET / HTTP/1.1\nHost: h\xe9\n", 400},
		{"a host that is half an address", "GET / HTTP/1.1\nHost: [::1\n", 400},
		{"another expectation", post + "Expect: 200-ok\n", 417},
		{"a Connection that is no list of tokens", get + "Connection: a b\n", 400},

		{"a request line without end", "GET /" + repeat(64<<10), 414},
		{"a method without end", repeat(64 << 10), 414},
		{"a head without end", get + "A: " + repeat(64<<10), 431},
		{"more than 128 fields", get + strings.Repeat("A: b\n", 127) + "A", 431},

		{"a chunk's size with a sign", chunks + "+", 400},
		{"a negative one", chunks + "-", 400},
		{"a chunk's size with a prefix", chunks + "0x", 400},
		{"a space before a chunk's size", chunks + " ", 400},
		{"a space after a chunk's size", chunks + "1 ", 400},
		{"a tab after a chunk's size", chunks + "1\t", 400},
		{"an underscore in a chunk's size", chunks + "1_", 400},
		{"no size", chunks + "\n", 400},
		{"no size but an extension", chunks + ";", 400},
		{"a chunk's size of 2⁶³", chunks + "8000000000000000", 400},
		{"a chunk's size of 2⁶⁴ + 1", chunks + "10000000000000001", 400},
		{"17 digits, though most are 0", chunks + "00000000000000001", 400},
		{"LF alone after a chunk's size", chunks + "1\v", 400},
		{"CR alone after a chunk's size", chunks + "1\fa", 400},
		{"LF alone after an extension", chunks + "1;a\v", 400},
		{"CR alone in an extension", chunks + "1;a\fb", 400},
		{"NUL in an extension", chunks + "1;\x00", 400},
		{"1 KiB of extensions in one chunk", chunks + "1;" + repeat(1<<10), 400},
		{"and in many", chunks + strings.Repeat("1;"+repeat(127)+"\na\n", 8) + "1;", 400},
		{"more data than the chunk's size", chunks + "1\nab", 400},
		{"LF alone after a chunk's data", chunks + "1\na\v", 400},
		{"CR alone after a chunk's data", chunks + "1\na\fb", 400},
		{"a next size at once", chunks + "1\na0", 400},

		{"Content-Length among the trailers", chunks + "0\nContent-Length: 1\n", 400},
		{"Transfer-Encoding among the trailers", chunks + "0\nTRANSFER-ENCODING: chunked\n", 400},
		{"Host among the trailers", chunks + "0\nHost: h\n", 400},
		{"Connection among the trailers", chunks + "0\nConnection: close\n", 400},
		{"a trailer without a colon", chunks + "0\nA\n", 400},
		{"a folded trailer", chunks + "0\nA: b\n ", 400},
		{"NUL in a trailer", chunks + "0\nA: \x00", 400},
		{"LF alone after a trailer", chunks + "0\nA: b\v", 400},
		{"LF alone after all trailers", chunks + "0\nA: b\n\v", 400},
		{"CR alone after the last chunk", chunks + "0\n\fX", 400},
		{"trailers without end", chunks + "0\nA: " + repeat(8<<10), 431},
		{"more than 256 trailers", chunks + "0\n" + strings.Repeat("A: b\n", 256) + "A", 431},
	}
	const late = 10 * time.Second // an answer that waits for more is another one
	b := bounds{edge: Options{HeaderTimeout: late}, forward: forward.Options{BodyTimeout: late}}
	bytes := strings.NewReplacer("\n", "\r\n", "\v", "\n", "\f", "\r")
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			addr, got := recorder(t, okay)
			p := start(t, b, addr)
			client := p.connect(t)
			client.say(bytes.Replace(c.sent))
			res, _ := client.response("POST")
			if res.StatusCode != c.status || !res.Close {
				t.Errorf("got %s, close %v; want %d and a close", res.Status, res.Close, c.status)
			}
			if rest := client.all(); rest != "" {
				t.Errorf("the answer is followed by %q", rest)
			}
			e := p.recorded(t)
			if e.Status != c.status || e.Tries > 1 {
				t.Errorf("recorded %d after %d tries", e.Status, e.Tries)
			}
			if inBody := strings.HasPrefix(c.sent, chunks); inBody != (e.Tries == 1) {
				t.Errorf("%d tries", e.Tries)
			}
			if e.Tries == 1 {
				if r := <-got; r.whole {
					t.Errorf("the instance took for whole: %q", r.bytes)
				}
			}
		})
	}
}

// The same as heads that are whole are not refused.
func TestWhatIsNotRefused(t *testing.T) {
	const post = "POST / HTTP/1.1\nHost: h\nConnection: close\n"
	for name, sent := range map[string]string{
		"a method nobody knows":         "f!#$%&'*+-.^_`|~0 / HTTP/1.1\nHost: h\nConnection: close\n\n",
		"chunked in any case":           post + "Transfer-Encoding: cHUNKED\n\n0\n\n",
		"a length with zeros":           post + "Content-Length: 0000000000000000000000001\n\na",
		"1 KiB of extensions":           post + "Transfer-Encoding: chunked\n\n1;" + strings.Repeat("x", 1023) + "\na\n0\n\n",
		"16 digits":                     post + "Transfer-Encoding: chunked\n\n0000000000000001\na\n0000000000000000\n\n",
		"128 fields":                    post + strings.Repeat("A: b\n", 126) + "\n",
		"obs-text in a value":           post + "A: \x80\xff\n\n",
		"an address of IPv6":            "GET / HTTP/1.1\nHost: [::1]:80\nConnection: close\n\n",
		"a host with an empty port":     "GET / HTTP/1.1\nHost: h:\nConnection: close\n\n",
		"a target with what is visible": "GET /!\"$%&'()*+,-./:;<=>?@[\\]^_`{|}~ HTTP/1.1\nHost: h\nConnection: close\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			addr, got := recorder(t, okay)
			p := start(t, bounds{}, addr)
			c := p.connect(t)
			c.say(crlf(sent))
			if answer := c.all(); !strings.HasPrefix(answer, "HTTP/1.1 200 OK\r\n") {
				t.Errorf("got %q", answer)
			}
			if r := <-got; !r.whole {
				t.Errorf("the instance got %q", r.bytes)
			}
		})
	}
}

// After a fault nothing else on the connection counts.
func TestNothingFollowsAFault(t *testing.T) {
	for name, sent := range map[string]string{
		"in a head":  "GET / HTTP/1.1\nHost: h\nA : b\n\nGET /2 HTTP/1.1\nHost: h\n\n",
		"in a body":  "POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n-1\n\n\nGET /2 HTTP/1.1\nHost: h\n\n",
		"in a later": "GET /1 HTTP/1.1\nHost: h\n\nGET / HTTP/1.1\n\nGET /2 HTTP/1.1\nHost: h\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			var targets []string
			addr := script(t, func(c net.Conn, r *bufio.Reader) {
				for {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					if _, err := io.Copy(io.Discard, req.Body); err == nil {
						targets = append(targets, req.URL.Path)
						fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
					}
				}
			})
			p := start(t, bounds{}, addr)
			c := p.connect(t)
			c.say(crlf(sent))
			if all := c.all(); strings.Count(all, "HTTP/1.1 400 ") != 1 || strings.Contains(all, "HTTP/1.1 200") != (name == "in a later") {
				t.Errorf("the client got %q", all)
			}
			for _, path := range targets {
				if path == "/2" {
					t.Errorf("the instance got %q", targets)
				}
			}
		})
	}
}

// A body that came in chunks is sent once more as it came, or not at all.
func TestChunksThatAreSentAgain(t *testing.T) {
	for name, c := range map[string]struct {
		chunks, want string
		status       int
	}{
		"some":                    {"1\na\n2\nbc\n0\n\n", "PUT abc", 200},
		"none":                    {"0\n\n", "PUT ", 200},
		"some and trailers":       {"1\na\n0\nX-Sum: 1\n\n", "", 502}, // they are not held
		"nothing but trailers":    {"0\nX-Sum: 1\n\n", "", 502},
		"an extension of nothing": {"0;a=b\n\n", "PUT ", 200},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, bounds{forward: forward.Options{ResponseTimeout: 5 * time.Second}}, script(t, dieAfterRequest), script(t, answerAll))
			client := p.connect(t)
			client.say("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + crlf(c.chunks))
			res, body := client.response("PUT")
			if res.StatusCode != c.status || res.StatusCode == 200 && body != c.want {
				t.Errorf("got %s %q, want %d %q", res.Status, body, c.status, c.want)
			}
			if c.status == 200 {
				p.tries(t, false, "broken", "answered")
			} else {
				p.tries(t, true, "broken")
			}
		})
	}
}

// What is after the request is for the other protocol, and nothing else is. That the
// proxy does not offer it is fine, too.
func TestAnUpgradeOfARequestWithABody(t *testing.T) {
	for name, framed := range map[string]string{
		"of a length": "Content-Length: 4\r\n\r\nbody",
		"in chunks":   "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			const switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
			p := start(t, bounds{}, script(t, func(c net.Conn, r *bufio.Reader) {
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, req.Body)
				if req.Header.Get("Upgrade") == "" {
					fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
					return
				}
				fmt.Fprint(c, switched)
				_, _ = io.Copy(c, r)
			}))
			c := p.connect(t)
			c.say("POST / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n" + framed + "more")
			_ = c.CloseWrite()
			got := strings.ReplaceAll(c.all(), "HTTP/1.1 100 Continue\r\n\r\n", "") // asked whether it is there
			if got != switched+"more" && !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") {
				t.Errorf("got %q", got)
			}
		})
	}
}

// An instance that answers without reading the body goes on with its connection, as far
// as it knows. The client has to know that its own does not.
func TestAnAnswerToABodyThatIsNotRead(t *testing.T) {
	for name, status := range map[string]string{"refused": "417 Expectation Failed", "taken": "200 OK"} {
		t.Run(name, func(t *testing.T) {
			p := start(t, bounds{}, script(t, func(c net.Conn, r *bufio.Reader) {
				if _, err := http.ReadRequest(r); err == nil {
					fmt.Fprintf(c, "HTTP/1.1 %s\r\nContent-Length: 2\r\n\r\nno", status)
					_, _ = io.Copy(io.Discard, r)
				}
			}))
			c := p.connect(t)
			c.say("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n")
			res, body := c.response("POST")
			if body != "no" || res.Status != status {
				t.Errorf("got %s %q", res.Status, body)
			}
			if rest := c.all(); rest != "" {
				t.Errorf("followed by %q", rest)
			}
			if !res.Close {
				t.Error("the connection has ended without a word")
			}
		})
	}
}
