//go:build !race

// The race detector makes pools forget at random: who counts allocations does without.

package edge

import (
	"bytes"
	"net"
	"sync"
	"testing"
)

// canned answers each request, of which none has a body, with response, and takes
// nothing from the heap for it.
func canned(tb testing.TB, response string) (addr string) {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer c.Close()
				b, answer := make([]byte, 16<<10), []byte(response)
				for n := 0; ; {
					m, err := c.Read(b[n:])
					if n += m; err != nil {
						return
					}
					if bytes.HasSuffix(b[:n], []byte("\r\n\r\n")) {
						n = 0
						_, _ = c.Write(answer)
					}
				}
			})
		}
	})
	tb.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

const (
	smallRequest   = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
	smallResponse  = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	chunkyResponse = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
)

// exchange returns a function that makes one exchange, without taking anything from
// the heap for it.
func exchange(tb testing.TB, response string, want int) func() {
	tb.Helper()
	p := start(tb, bounds{quiet: true}, canned(tb, response))
	c := p.connect(tb)
	b := make([]byte, 16<<10)
	request := []byte(smallRequest)
	return func() {
		if _, err := c.Write(request); err != nil {
			tb.Fatal(err)
		}
		for n := 0; n < want; {
			m, err := c.Read(b)
			if n += m; err != nil {
				tb.Fatal(err)
			}
		}
	}
}

func TestAnExchangeTakesNothingFromTheHeap(t *testing.T) {
	for name, response := range map[string]string{"with a length": smallResponse, "in chunks": chunkyResponse} {
		one := exchange(t, response, len(response))
		for range 100 {
			one()
		}
		if n := testing.AllocsPerRun(2000, one); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkExchange(b *testing.B) {
	for name, response := range map[string]string{"length": smallResponse, "chunks": chunkyResponse} {
		b.Run(name, func(b *testing.B) {
			one := exchange(b, response, len(response))
			b.ReportAllocs()
			for b.Loop() {
				one()
			}
		})
	}
}
