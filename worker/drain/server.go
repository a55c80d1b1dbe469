package drain

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// silent is how long a connection may take to send its first byte after the listener
// has stopped; one that opened it in advance and sends nothing is not waited for.
const silent = time.Second

// HTTPServer is an [http.Server] that answers everyone it has let in. The plain one's
// Shutdown resets connections that wait to be accepted, and drops requests that it
// reads after Shutdown was called.
type HTTPServer struct {
	server   *http.Server
	listener *Listener

	mu      sync.Mutex
	busy    map[net.Conn]http.ConnState // those new or active
	changed chan struct{}               // has an item when busy has changed
}

// NewHTTPServer takes ownership of server, whose ConnState it sets, and of l.
func NewHTTPServer(server *http.Server, l *Listener) *HTTPServer {
	s := &HTTPServer{
		server: server, listener: l,
		busy: make(map[net.Conn]http.ConnState), changed: make(chan struct{}, 1),
	}
	server.ConnState = s.track
	return s
}

// Serve is [http.Server.Serve].
func (s *HTTPServer) Serve() error { return s.server.Serve(s.listener) }

// Close is [http.Server.Close].
func (s *HTTPServer) Close() error { return s.server.Close() }

// Shutdown refuses new connections and closes idle ones, then waits until everyone
// else has been answered. It returns ctx's error if that ends first.
func (s *HTTPServer) Shutdown(ctx context.Context) error {
	s.listener.Stop()
	s.server.SetKeepAlivesEnabled(false) // each answer is its connection's last
	patience := time.NewTimer(silent)
	defer patience.Stop()
	for over := false; !s.quiet(over); {
		select {
		case <-s.changed:
		case <-patience.C:
			over = true
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return s.server.Close()
}

// quiet reports whether no request is under way; a connection that has sent nothing
// yet counts as one until patience is over.
func (s *HTTPServer) quiet(patienceOver bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, state := range s.busy {
		if state == http.StateActive || !patienceOver {
			return false
		}
	}
	return true
}

func (s *HTTPServer) track(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state == http.StateNew || state == http.StateActive {
		s.busy[c] = state
	} else {
		delete(s.busy, c)
	}
	select {
	case s.changed <- struct{}{}:
	default:
	}
}
