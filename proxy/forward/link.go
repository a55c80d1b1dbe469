package forward

import (
	"context"
	"net"
	"net/http"
	"time"

	"formation/proxy/upstream"
)

// idleTimeout is how long an idle connection to an instance is kept. Instances
// that close theirs sooner cost a fresh connection, not a request.
const idleTimeout = 60 * time.Second

// maxIdle is how many idle connections to one instance are kept.
const maxIdle = 1024

// Link is what the proxy keeps open towards one instance. It is a fleet.Pool.
type Link struct{ http.Transport }

// NewLink returns a link to addr, host:port. connect bounds one connect, response
// the wait for a response's head after the request was sent; 0 is no bound.
func NewLink(addr string, connect, response time.Duration) *Link {
	dialer := upstream.Dialer{Timeout: connect}
	return &Link{http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.Dial(ctx, addr)
		},
		DisableCompression:    true, // what the client asked for is what it gets
		MaxIdleConns:          maxIdle,
		MaxIdleConnsPerHost:   maxIdle,
		IdleConnTimeout:       idleTimeout,
		ResponseHeaderTimeout: response,
		ExpectContinueTimeout: time.Second,
	}}
}

// CloseIdle closes the idle connections, and those in use as they fall idle, until
// the link is used again.
func (l *Link) CloseIdle() { l.CloseIdleConnections() }
