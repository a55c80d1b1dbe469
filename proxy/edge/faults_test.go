package edge

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"formation/proxy/forward"
	"formation/proxy/record"
)

// part sends text once a request has come whole, and then does as told.
func part(text string, then func(net.Conn, *bufio.Reader)) func(net.Conn, *bufio.Reader) {
	return func(c net.Conn, r *bufio.Reader) {
		if request(r) {
			fmt.Fprint(c, text)
			then(c, r)
		}
	}
}

func closes(net.Conn, *bufio.Reader) {}

func resets(c net.Conn, _ *bufio.Reader) { _ = c.(*net.TCPConn).SetLinger(0) }

func TestAnInstanceThatEndsTooEarly(t *testing.T) {
	cases := []struct {
		name  string
		first func(net.Conn, *bufio.Reader)
		tries []string
	}{
		{"before it has read all", func(c net.Conn, r *bufio.Reader) { _, _ = c.Read(make([]byte, 1)); resets(c, r) }, []string{"broken", "answered"}},
		{"before its head", part("", closes), []string{"broken", "answered"}},
		{"by a reset before its head", part("", resets), []string{"broken", "answered"}},
		{"within its head", part("HTTP/1.1 200 OK\r\nContent-Le", closes), []string{"broken", "answered"}},
		{"by a reset within its head", part("HTTP/1.1 200 OK\r\nContent-Le", resets), []string{"broken", "answered"}},
	}
	for _, c := range cases {
		t.Run(c.name+", under a GET", func(t *testing.T) {
			p := start(t, bounds{}, script(t, c.first), script(t, answerAll))
			if status, got, err := p.do(t, "GET", ""); err != nil || status != 200 || got != "GET " {
				t.Errorf("got %d %q, %v", status, got, err)
			}
			p.tries(t, false, c.tries...)
		})
		t.Run(c.name+", under a POST", func(t *testing.T) {
			p := start(t, bounds{}, script(t, c.first), script(t, answerAll))
			if status, _, err := p.do(t, "POST", "x"); err != nil || status != 502 {
				t.Errorf("got %d, %v, want 502", status, err)
			}
			p.tries(t, true, c.tries[0])
		})
	}
}

func TestAnInstanceThatDiesMidBodyCutsTheClientOff(t *testing.T) {
	const length = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart"
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n"
	cases := []struct {
		name, response string
		end            func(net.Conn, *bufio.Reader)
	}{
		{"a body with a length", length, closes},
		{"a body with a length, by a reset", length, resets},
		{"a body in chunks", chunked, closes},
		{"a body in chunks, within a chunk", chunked + "9\r\nmo", closes},
		{"a body in chunks, before the last one's end", chunked + "0\r\n", closes},
		{"a body in chunks that is not", chunked + "nonsense\r\n", silence},
		{"a body that ends with its connection, by a reset", "HTTP/1.1 200 OK\r\n\r\npart", resets},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, bounds{}, script(t, part(c.response, c.end)), script(t, answerAll))
			status, got, err := p.do(t, "GET", "")
			if status != 200 || !strings.HasPrefix(got, "part") || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("got %d %q, %v; want a truncated body that can be told", status, got, err)
			}
			p.tries(t, true, "answered")
		})
	}
	t.Run("a long body", func(t *testing.T) {
		p := start(t, bounds{}, script(t, part("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n"+long, closes)))
		status, got, err := p.do(t, "GET", "")
		if status != 200 || got != long || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %d and %d bytes, %v", status, len(got), err)
		}
		p.tries(t, true, "answered")
	})
	t.Run("a client of HTTP/1.0 is told by a reset", func(t *testing.T) {
		p := start(t, bounds{}, script(t, part(chunked, closes)))
		c := p.connect(t)
		c.say("GET / HTTP/1.0\r\nHost: h\r\n\r\n")
		if b, err := io.ReadAll(c.r); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got %q, %v", b, err)
		}
	})
}

func TestAnInstanceThatSendsTooMuch(t *testing.T) {
	p := start(t, bounds{}, script(t, part("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"+
		"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged", silence), answerAll))
	c := p.connect(t)
	for n, want := range []string{"body", "POST x", "POST x"} {
		c.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx")
		if res, got := c.response("POST"); res.StatusCode != 200 || got != want {
			t.Errorf("request %d got %s %q, want %q", n, res.Status, got, want)
		}
		p.tries(t, false, "answered")
	}
}

// What comes after the response, but before the next request, is nobody's either.
func TestAnInstanceThatSpeaksUnasked(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		for name, first := range map[string]string{
			"a body":                    "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody",
			"no body":                   "HTTP/1.1 304 Not Modified\r\nContent-Length: 45\r\n\r\n",
			"a body that ends in parts": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
		} {
			t.Run(method+" after "+name, func(t *testing.T) {
				said := make(chan struct{})
				p := start(t, bounds{}, script(t, part(first, func(c net.Conn, r *bufio.Reader) {
					<-said
					fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
					said <- struct{}{}
					silence(c, r)
				}), answerAll))
				c := p.connect(t)
				for n := range 2 {
					c.say(method + " / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx")
					res, got := c.response(method)
					if n == 1 && (res.StatusCode != 200 || got != method+" x") {
						t.Errorf("got %s %q", res.Status, got)
					}
					if n == 0 {
						said <- struct{}{}
						<-said
					}
				}
			})
		}
	}
}

// A long body cannot be sent twice, but for the part that came with its head.
func TestAnInstanceThatDiesWithTheBeginningOfABody(t *testing.T) {
	asked := make(chan struct{})
	p := start(t, bounds{}, script(t, func(_ net.Conn, r *bufio.Reader) {
		if req, err := http.ReadRequest(r); err == nil {
			_, _ = io.ReadFull(req.Body, make([]byte, 5))
		}
	}), script(t, func(c net.Conn, r *bufio.Reader) {
		if req, err := http.ReadRequest(r); err == nil {
			asked <- struct{}{}
			body, err := io.ReadAll(req.Body)
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%v", err == nil && string(body) == "hello"+long[:200_000])
		}
	}))
	c := p.connect(t)
	c.say("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 200005\r\n\r\nhello")
	<-asked
	c.say(long[:200_000])
	if res, got := c.response("PUT"); res.StatusCode != 200 || got != "t" {
		t.Errorf("got %s %q", res.Status, got)
	}
	p.tries(t, false, "broken", "answered")
}

func TestAnInstanceThatAnswersEarly(t *testing.T) {
	head := func(c net.Conn, r *bufio.Reader) bool { // reads a request's head alone
		_, err := http.ReadRequest(r)
		return err == nil
	}
	t.Run("and closes: the client hears it, and its connection ends", func(t *testing.T) {
		p := start(t, bounds{}, script(t, func(c net.Conn, r *bufio.Reader) {
			if head(c, r) {
				fmt.Fprint(c, "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno\n")
			}
		}))
		c := p.connect(t)
		c.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nsome")
		if res, got := c.response("POST"); res.StatusCode != 413 || got != "no\n" || !res.Close {
			t.Errorf("got %s %q, close %v", res.Status, got, res.Close)
		}
		if rest := c.all(); rest != "" {
			t.Errorf("then %q", rest)
		}
	})
	t.Run("and reads on: the connection goes on", func(t *testing.T) {
		p := start(t, bounds{}, script(t, func(c net.Conn, r *bufio.Reader) {
			for n := range 2 {
				req, err := http.ReadRequest(r)
				if err != nil {
					t.Error(err)
					return
				}
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
				b, err := io.ReadAll(req.Body)
				if err != nil || string(b) != "whole" {
					t.Errorf("request %d: %q, %v", n, b, err)
				}
				fmt.Fprint(c, "received")
			}
		}))
		c := p.connect(t)
		for range 2 {
			c.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nwh")
			res, err := http.ReadResponse(c.r, nil)
			if err != nil {
				t.Fatal(err)
			}
			c.say("ole")
			if got, err := io.ReadAll(res.Body); err != nil || string(got) != "received" {
				t.Errorf("got %q, %v", got, err)
			}
		}
	})
}

func TestAnInstanceThatIsSlow(t *testing.T) {
	const short = 20 * time.Millisecond
	t.Run("within a body: the client is cut off", func(t *testing.T) {
		p := start(t, bounds{forward: forward.Options{BodyTimeout: short}},
			script(t, part("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart", silence)))
		status, got, err := p.do(t, "GET", "")
		if status != 200 || got != "part" || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %d %q, %v", status, got, err)
		}
		p.tries(t, true, "answered")
	})
	t.Run("within the response to a body that ends meanwhile: the client is cut off", func(t *testing.T) {
		p := start(t, bounds{forward: forward.Options{BodyTimeout: 100 * time.Millisecond}}, script(t, func(c net.Conn, r *bufio.Reader) {
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart")
			silence(c, r)
		}))
		c := p.connect(t)
		c.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nsome")
		if _, err := http.ReadResponse(c.r, nil); err != nil {
			t.Fatal(err)
		}
		c.say("of it.")
		if got := c.all(); got != "part" {
			t.Errorf("got %q", got)
		}
		p.tries(t, true, "answered")
	})
	t.Run("in taking a body: 504", func(t *testing.T) {
		const short = 500 * time.Millisecond // for the client is not to be slower
		for _, head := range []string{"Content-Length: 1000000000", "Transfer-Encoding: chunked"} {
			finish := make(chan struct{})
			p := start(t, bounds{forward: forward.Options{BodyTimeout: short}}, script(t, func(net.Conn, *bufio.Reader) { <-finish }))
			c := p.connect(t)
			sent := make(chan struct{})
			go func() {
				defer close(sent)
				c.say("POST / HTTP/1.1\r\nHost: h\r\n" + head + "\r\n\r\n")
				for {
					if _, err := fmt.Fprintf(c, "%x\r\n%s\r\n", len(long), long); err != nil {
						return
					}
				}
			}()
			if res, err := http.ReadResponse(c.r, nil); err != nil || res.StatusCode != 504 {
				t.Errorf("%s: got %v, %v", head, res, err)
			}
			_ = c.Close()
			<-sent
			p.tries(t, true, "timeout")
			close(finish)
		}
	})
}

func TestAClientThatIsSlow(t *testing.T) {
	const short = 20 * time.Millisecond
	cases := []struct{ name, said string }{
		{"with a body of a length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\npart"},
		{"with a long body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\npart"},
		{"with a body in chunks", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n"},
		{"within a chunk's size", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n1"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			p := start(t, bounds{forward: forward.Options{BodyTimeout: short}}, script(t, silence))
			c := p.connect(t)
			c.say(tc.said)
			if res, _ := c.response("POST"); res.StatusCode != 408 || !res.Close {
				t.Errorf("got %s, close %v", res.Status, res.Close)
			}
			p.tries(t, false, "aborted")
			if rest := c.all(); rest != "" {
				t.Errorf("then %q", rest)
			}
		})
	}
	t.Run("in taking a response", func(t *testing.T) {
		const short = 500 * time.Millisecond // for the instance is not to be slower
		for _, head := range []string{"Content-Length: 10000000000", "Transfer-Encoding: chunked", "X: y"} {
			cut := make(chan struct{})
			p := start(t, bounds{forward: forward.Options{BodyTimeout: short}}, script(t, part("HTTP/1.1 200 OK\r\n"+head+"\r\n\r\n", func(c net.Conn, _ *bufio.Reader) {
				defer close(cut)
				for {
					if _, err := fmt.Fprintf(c, "%x\r\n%s\r\n", len(long), long); err != nil {
						return
					}
				}
			})))
			c := p.connect(t)
			c.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
			<-cut // the instance need not go on
			p.tries(t, false, "answered")
		}
	})
}

// A client of HTTP/1.0 cannot tell from a length that something is missing.
func TestAClientOfHTTP10ThatIsSlowIsReset(t *testing.T) {
	p := start(t, bounds{forward: forward.Options{BodyTimeout: 200 * time.Millisecond}}, script(t, part("HTTP/1.1 200 OK\r\n\r\n", func(c net.Conn, _ *bufio.Reader) {
		for {
			if _, err := io.WriteString(c, long); err != nil {
				return
			}
		}
	})))
	c := p.connect(t)
	c.say("GET / HTTP/1.0\r\nHost: h\r\n\r\n")
	p.recorded(t)
	if n, err := io.Copy(io.Discard, c.r); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%d bytes, then %v", n, err)
	}
}

func TestAClientThatLeaves(t *testing.T) {
	cases := []struct {
		name, said string
		status     int
		tries      []string
	}{
		{"within its head", "GET / HTT", 400, nil},
		{"within a body of a length", "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\npart", 400, []string{"aborted"}},
		{"within a long body", "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\npart", 400, []string{"aborted"}},
		{"within a body in chunks", "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n", 400, []string{"aborted"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			left := make(chan struct{})
			p := start(t, bounds{}, script(t, func(c net.Conn, _ *bufio.Reader) {
				_, _ = io.Copy(io.Discard, c) // until the proxy closes
				left <- struct{}{}
			}))
			c := p.connect(t)
			c.say(tc.said)
			_ = c.CloseWrite()
			if res, _ := c.response("PUT"); res.StatusCode != tc.status || !res.Close {
				t.Errorf("got %s, close %v", res.Status, res.Close)
			}
			if tc.tries != nil {
				<-left
			}
			p.tries(t, false, tc.tries...)
		})
	}

	wait := func(asked chan struct{}, left chan struct{}) func(net.Conn, *bufio.Reader) {
		return func(c net.Conn, r *bufio.Reader) {
			request(r)
			asked <- struct{}{}
			_, _ = io.Copy(io.Discard, r)
			left <- struct{}{}
		}
	}
	// A client of HTTP/1.0 that leaves without a reset cannot be told from one that has
	// ended its side alone.
	for _, c := range []struct {
		version string
		reset   bool
	}{{"1.1", false}, {"1.1", true}, {"1.0", true}} {
		t.Run(fmt.Sprintf("while it waits for the response, HTTP/%s, reset %v", c.version, c.reset), func(t *testing.T) {
			asked, left := make(chan struct{}), make(chan struct{})
			p := start(t, bounds{}, script(t, wait(asked, left)))
			client := p.connect(t)
			client.say("GET / HTTP/" + c.version + "\r\nHost: h\r\n\r\n")
			<-asked
			if c.reset {
				_ = client.SetLinger(0)
			}
			_ = client.Close()
			<-left
			if e := p.recorded(t); e.Status != record.StatusClientClosed || e.Broken {
				t.Errorf("recorded %+v", e)
			}
		})
	}
	for name, more := range map[string]string{"while nothing comes": "", "while it is sent a body": long + long + long + long} {
		t.Run("within a response, "+name, func(t *testing.T) {
			left := make(chan struct{})
			p := start(t, bounds{}, script(t, part("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\npart", func(c net.Conn, r *bufio.Reader) {
				for {
					if _, err := io.WriteString(c, more); err != nil || more == "" {
						break
					}
				}
				_, _ = io.Copy(io.Discard, r)
				left <- struct{}{}
			})))
			c := p.connect(t)
			c.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
			if _, err := http.ReadResponse(c.r, nil); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(c.r, make([]byte, 4)); err != nil {
				t.Fatal(err)
			}
			_ = c.Close()
			<-left
			if e := p.recorded(t); e.Status != 200 || e.Broken {
				t.Errorf("recorded %+v", e)
			}
		})
	}
}

// A client may end its own side and wait for the answer, as `nc -N` does.
func TestAClientThatHasEndedItsSideAlone(t *testing.T) {
	for _, version := range []string{"1.1", "1.0"} {
		t.Run("gets a response that takes its time, HTTP/"+version, func(t *testing.T) {
			finish := make(chan struct{})
			p := start(t, bounds{}, script(t, func(c net.Conn, r *bufio.Reader) {
				if request(r) {
					<-finish
					fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell")
				}
			}))
			c := p.connect(t)
			c.say("GET / HTTP/" + version + "\r\nHost: h\r\n\r\n")
			_ = c.CloseWrite()
			if version == "1.1" { // it is asked whether it is there
				res, err := http.ReadResponse(c.r, nil)
				if err != nil || res.StatusCode != 100 {
					t.Fatalf("got %v, %v", res, err)
				}
			}
			close(finish)
			if res, got := c.response("GET"); res.StatusCode != 200 || got != "well" {
				t.Errorf("got %s %q", res.Status, got)
			}
			if rest := c.all(); rest != "" {
				t.Errorf("then %q", rest)
			}
			p.tries(t, false, "answered")
		})
	}
	t.Run("gets a response that streams", func(t *testing.T) {
		next := make(chan struct{})
		p := start(t, bounds{}, script(t, part("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n", func(c net.Conn, _ *bufio.Reader) {
			<-next
			fmt.Fprint(c, "slow")
			<-next
			fmt.Fprint(c, "ness")
		})))
		c := p.connect(t)
		c.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		_ = c.CloseWrite()
		res, err := http.ReadResponse(c.r, nil)
		if err != nil {
			t.Fatal(err)
		}
		next <- struct{}{}
		if _, err := io.ReadFull(res.Body, make([]byte, 4)); err != nil {
			t.Fatal(err)
		}
		next <- struct{}{}
		if got, err := io.ReadAll(res.Body); err != nil || string(got) != "ness" {
			t.Errorf("got %q, %v", got, err)
		}
		p.tries(t, false, "answered")
	})
	t.Run("after an interim response, gets the final one", func(t *testing.T) {
		finish := make(chan struct{})
		p := start(t, bounds{}, script(t, part("HTTP/1.1 103 Early Hints\r\n\r\n", func(c net.Conn, _ *bufio.Reader) {
			<-finish
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell")
		})))
		c := p.connect(t)
		c.say("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		for _, want := range []int{103, 100} { // the second asks whether it is there
			res, err := http.ReadResponse(c.r, nil)
			if err != nil || res.StatusCode != want {
				t.Fatalf("got %v, %v, want %d", res, err, want)
			}
			_ = c.CloseWrite()
		}
		close(finish)
		if res, got := c.response("GET"); res.StatusCode != 200 || got != "well" {
			t.Errorf("got %s %q", res.Status, got)
		}
	})
	t.Run("with the last byte of its body, gets the rest of a response that had begun", func(t *testing.T) {
		finish := make(chan struct{})
		p := start(t, bounds{}, script(t, func(c net.Conn, r *bufio.Reader) {
			if req, err := http.ReadRequest(r); err == nil {
				fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
				_, _ = io.Copy(io.Discard, req.Body)
				<-finish
				fmt.Fprint(c, "half")
			}
		}))
		c := p.connect(t)
		c.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 8\r\n\r\nsome")
		res, err := http.ReadResponse(c.r, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.say("more")
		_ = c.CloseWrite()
		p.sweeps(5)
		close(finish)
		if got, err := io.ReadAll(res.Body); err != nil || string(got) != "halfhalf" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}
