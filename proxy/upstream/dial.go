// Package upstream makes the proxy's connections to instances.
package upstream

import (
	"context"
	"fmt"
	"net"
	"time"
)

// Dialer connects to instances. The zero value is ready to use and sets no bound
// of its own.
type Dialer struct {
	Timeout time.Duration // for one connection; 0: only the context's
}

// Dial connects to addr, host:port.
func (d Dialer) Dial(ctx context.Context, addr string) (*Conn, error) {
	nd := net.Dialer{Timeout: d.Timeout}
	c, err := nd.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		_ = c.Close()
		return nil, fmt.Errorf("dial %s: got a %T, not a TCP connection", addr, c)
	}
	return &Conn{TCPConn: tcp}, nil
}
