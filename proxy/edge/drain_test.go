package edge

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// slowly answers /slow when finish is closed, after it has said so, and all else at once.
func slowly(t *testing.T) (step func(net.Conn, *bufio.Reader), inside, finish chan struct{}) {
	t.Helper()
	inside, finish = make(chan struct{}), make(chan struct{})
	return func(c net.Conn, r *bufio.Reader) {
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			if req.URL.Path == "/slow" {
				inside <- struct{}{}
				<-finish
			}
			fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	}, inside, finish
}

func TestADrainServesOnThenFinishesWhatRuns(t *testing.T) {
	step, inside, finish := slowly(t)
	p := start(t, bounds{edge: Options{DrainDelay: 2 * time.Second}}, script(t, step))
	idle, slow := p.connect(t), p.connect(t)
	if res := idle.get(); res.Close {
		t.Error("a connection is closed though nothing drains")
	}
	slow.say("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
	<-inside

	p.stop()
	until(p.Draining)
	// New and idle connections are served on, and told to go.
	for name, c := range map[string]peer{"a new connection": p.connect(t), "an idle connection": idle} {
		if res := c.get(); res.StatusCode != 200 || !res.Close {
			t.Errorf("%s got %s, close %v", name, res.Status, res.Close)
		}
	}
	// What runs is waited for, though nothing new is accepted.
	for {
		c, err := net.DialTimeout("tcp", p.addr, 5*time.Second)
		if err != nil {
			break
		}
		_ = c.Close()
	}
	select {
	case err := <-p.done:
		t.Fatalf("ended before what ran: %v", err)
	default:
	}
	close(finish)
	if res, _ := slow.response("GET"); res.StatusCode != 200 || !res.Close {
		t.Errorf("what ran got %s, close %v", res.Status, res.Close)
	}
	if err := p.wait(); err != nil {
		t.Error(err)
	}
}

func TestADrainEndsIdleConnectionsAtOnce(t *testing.T) {
	p := start(t, bounds{}, script(t, answerAll))
	for range 3 {
		p.connect(t).get()
	}
	p.stop()
	if err := p.wait(); err != nil {
		t.Error(err)
	}
}

func TestADrainIsBoundedInTime(t *testing.T) {
	step, inside, finish := slowly(t)
	defer close(finish)
	p := start(t, bounds{edge: Options{DrainTimeout: 20 * time.Millisecond}}, script(t, step))
	c := p.connect(t)
	c.say("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
	<-inside
	p.stop()
	if err := p.wait(); err == nil || !strings.Contains(err.Error(), "20ms") {
		t.Errorf("error is %v, want one that tells of the time", err)
	}
}

// nobody is an address that does not answer: its queue is full.
func nobody(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	_ = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	_ = unix.Listen(fd, 0)
	bound, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", bound.(*unix.SockaddrInet4).Port)
	for {
		c, err := net.DialTimeout("tcp", addr, 100*time.Millisecond)
		if err != nil {
			return addr
		}
		t.Cleanup(func() { _ = c.Close() })
	}
}

// A request has been read, though nothing of it was sent: it is none that is idle.
func TestADrainWaitsForWhoDials(t *testing.T) {
	b := bounds{edge: Options{IdleTimeout: 300 * time.Millisecond}}
	b.forward.ConnectTimeout = 2 * time.Second // and one may have half of it
	p := start(t, b, nobody(t))
	c := p.connect(t)
	c.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
	until(func() bool { return p.fleet.View()[0].Claims == 1 })
	p.update(script(t, answerAll))
	p.stop()
	if res, got := c.response("POST"); res.StatusCode != 200 || got != "POST " {
		t.Errorf("got %s %q", res.Status, got)
	}
	p.tries(t, false, "connect timeout", "answered")
}

const upgrade = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"

// echo switches to a protocol that sends back what it is sent.
func echo(c net.Conn, r *bufio.Reader) {
	if request(r) {
		fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_, _ = io.Copy(c, r)
	}
}

// tunnel opens one.
func (p *proxy) tunnel(t *testing.T) peer {
	t.Helper()
	c := p.connect(t)
	c.say(upgrade)
	res, err := http.ReadResponse(c.r, nil)
	if err != nil || res.StatusCode != 101 || res.Header.Get("Upgrade") != "echo" {
		t.Fatalf("got %v, %v", res, err)
	}
	return c
}

func (c peer) echoes(text string) {
	c.t.Helper()
	c.say(text)
	got := make([]byte, len(text))
	if _, err := io.ReadFull(c.r, got); err != nil || string(got) != text {
		c.t.Errorf("got %q, %v", got, err)
	}
}

func TestADrainWaitsForTunnels(t *testing.T) {
	p := start(t, bounds{}, script(t, echo))
	c := p.tunnel(t)
	p.stop()
	until(p.ending.Load)
	c.echoes("still there")
	_ = c.CloseWrite()
	if rest := c.all(); rest != "" {
		t.Errorf("then %q", rest)
	}
	if err := p.wait(); err != nil {
		t.Error(err)
	}
}

func TestATunnel(t *testing.T) {
	t.Run("passes what was sent before it was known to be one", func(t *testing.T) {
		p := start(t, bounds{}, script(t, echo))
		c := p.connect(t)
		c.say(upgrade + "early")
		if res, err := http.ReadResponse(c.r, nil); err != nil || res.StatusCode != 101 {
			t.Fatalf("got %v, %v", res, err)
		}
		c.echoes("")
		got := make([]byte, 5)
		if _, err := io.ReadFull(c.r, got); err != nil || string(got) != "early" {
			t.Errorf("got %q, %v", got, err)
		}
		if claims := p.fleet.View()[0].Claims; claims != 1 {
			t.Errorf("%d claims while the tunnel is open, want 1", claims)
		}
	})
	t.Run("ends one side after the other", func(t *testing.T) {
		p := start(t, bounds{}, script(t, echo))
		c := p.tunnel(t)
		c.say(long)
		_ = c.CloseWrite()
		if got := c.all(); got != long {
			t.Errorf("got %d bytes, want %d", len(got), len(long))
		}
		if e := p.recorded(t); e.Status != 101 || e.Broken || e.In != int64(len(upgrade)+len(long)) || e.Out <= int64(len(long)) || string(e.Method) != "GET" {
			t.Errorf("recorded %+v", e)
		}
	})
	t.Run("ends when nothing is sent in it", func(t *testing.T) {
		b := bounds{}
		b.forward.TunnelTimeout = 20 * time.Millisecond
		p := start(t, b, script(t, echo))
		c := p.tunnel(t)
		if rest := c.all(); rest != "" {
			t.Errorf("then %q", rest)
		}
	})
	t.Run("ends with its client's reset", func(t *testing.T) {
		ended := make(chan struct{})
		p := start(t, bounds{}, script(t, func(c net.Conn, r *bufio.Reader) {
			echo(c, r)
			close(ended)
		}))
		c := p.tunnel(t)
		_ = c.SetLinger(0)
		_ = c.Close()
		<-ended
	})
}

// Clients connect and send as fast as they can while the proxy ends: whoever was let
// in gets an answer, everyone else is refused.
func TestWhoWasLetInIsAnswered(t *testing.T) {
	for range 3 { // a second each: that is when the kernel asks again for who was ignored
		p := start(t, bounds{}, script(t, answerAll))
		var clients sync.WaitGroup
		answered := make(chan struct{}, 1000)
		for n := range 8 {
			clients.Go(func() {
				for {
					c, err := net.Dial("tcp", p.addr)
					if err != nil {
						return // refused: the end
					}
					last := ""
					if n%2 == 0 {
						last = "Connection: close\r\n"
					}
					fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n"+last+"\r\n")
					if _, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil {
						t.Errorf("let in, but not answered: %v", err)
					}
					_ = c.Close()
					select {
					case answered <- struct{}{}:
					default:
					}
				}
			})
		}
		for range 200 {
			<-answered
		}
		p.stop()
		if err := p.wait(); err != nil {
			t.Error(err)
		}
		clients.Wait()
	}
}

func TestAListenerThatFails(t *testing.T) {
	p := start(t, bounds{}, script(t, answerAll))
	l, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	if err := New(nil, p.Options).Serve(context.Background(), l); err == nil || !strings.Contains(err.Error(), "accept") {
		t.Errorf("ended with %v", err)
	}
}
