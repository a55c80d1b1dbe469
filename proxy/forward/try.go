package forward

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"formation/proxy/upstream"
)

// What cancels a try from within.
var (
	errConnectTime = errors.New("the time to connect is spent")
	errResend      = errors.New("the connection broke")
)

// try is one attempt of an exchange on one instance.
type try struct {
	cancel context.CancelCauseFunc
	timer  *time.Timer // runs until there is a connection

	mu         sync.Mutex // the transport calls back from goroutines of its own
	began      time.Time
	connecting time.Duration
	conn       *upstream.Conn
	mark       int64 // conn's sent bytes before this try
	sent       bool  // on an earlier connection of this try, which broke
}

// send sends req over link, with at most connect spent on the connection. The
// caller calls stop when the response's body, or the try, is done with.
func send(req *http.Request, link *Link, connect time.Duration) (res *http.Response, t *try, stop func(), err error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	t = &try{cancel: cancel, began: time.Now()}
	t.timer = time.AfterFunc(connect, func() { cancel(errConnectTime) })
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: t.gotConn})
	res, err = link.RoundTrip(req.WithContext(ctx))
	if cause := context.Cause(ctx); err != nil && (cause == errConnectTime || cause == errResend) {
		err = cause
	}
	t.connected()
	return res, t, func() { cancel(nil) }, err
}

// gotConn is called when the transport has a connection, before it writes to it.
func (t *try) gotConn(info httptrace.GotConnInfo) {
	t.connected()
	c, ok := info.Conn.(*upstream.Conn)
	if !ok {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bytesSent() {
		// The transport is about to send the request once more by itself. Whether
		// that may be is for the policy to say.
		t.sent = true
		t.cancel(errResend)
		return
	}
	t.conn, t.mark = c, c.Sent()
	// No request goes on a connection whose close has arrived. Closing our side too
	// makes the transport's write fail before it has begun.
	if info.Reused && c.Spent() {
		_ = c.Close()
	}
}

// connected ends the time for connecting.
func (t *try) connected() {
	t.timer.Stop()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.connecting == 0 {
		t.connecting = time.Since(t.began)
	}
}

func (t *try) bytesSent() bool {
	return t.sent || t.conn != nil && t.conn.Sent() != t.mark
}

// outcome is how the try ended, given what the transport returned.
func (t *try) outcome(err error) outcome {
	t.mu.Lock()
	defer t.mu.Unlock()
	var netErr net.Error
	var opErr *net.OpError
	dialing := errors.As(err, &opErr) && opErr.Op == "dial" // maybe after a closed idle connection
	switch {
	case err == nil:
		return answered
	case t.bytesSent():
		if errors.As(err, &netErr) && netErr.Timeout() {
			return timeout
		}
		return broken
	case t.conn != nil && !dialing:
		return unsent
	case errors.Is(err, errConnectTime), errors.As(err, &netErr) && netErr.Timeout():
		return connectTimeout
	default:
		return connectFailed
	}
}

// responseBody ends a try with its response's last byte.
type responseBody struct {
	io.ReadCloser
	failed func(error) // called with an error that is not io.EOF
	close  func()
}

// Read is io.Reader's.
func (b *responseBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.failed(err)
	}
	return n, err
}

// Close is io.Closer's.
func (b *responseBody) Close() error {
	defer b.close()
	return b.ReadCloser.Close()
}

// tunnel is the body of a 101 response: both directions of what follows it.
type tunnel struct {
	io.ReadWriteCloser
	close func()
}

// Close is io.Closer's.
func (t *tunnel) Close() error {
	defer t.close()
	return t.ReadWriteCloser.Close()
}
