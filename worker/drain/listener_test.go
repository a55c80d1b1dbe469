package drain

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
)

// Clients connect and send as fast as they can while the server ends: whoever was
// let in gets an answer, everyone else is refused.
func TestWhoWasLetInIsAnswered(t *testing.T) {
	for range 3 { // a second each: that is when the kernel asks again for who was ignored
		l, err := Listen(t.Context(), "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := NewHTTPServer(&http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}, l)
		served := make(chan error, 1)
		go func() { served <- server.Serve() }()

		var clients sync.WaitGroup
		answered := make(chan struct{}, 1000)
		for range 8 {
			clients.Go(func() {
				for {
					c, err := net.Dial("tcp", l.Addr().String())
					if err != nil {
						return // refused: the end
					}
					fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
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
		if err := server.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		clients.Wait()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}
}

func TestStopOfAListenerNobodyAsks(t *testing.T) {
	l, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	l.Stop()
	l.Stop()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept after the end: %v", err)
	}
	_ = l.Close()
}
