// Package upstream makes the proxy's connections to instances and keeps idle ones.
package upstream

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"formation/proxy/conn"
)

// idleTimeout is how long an idle connection is kept. Instances that close theirs
// sooner cost a fresh connection, not a request.
const idleTimeout = 60 * time.Second

// maxIdle is how many idle connections to one instance are kept.
const maxIdle = 1024

// unchecked is for how long a connection that has just been idle is taken to be fine by
// who looks at it once more.
const unchecked = int64(100 * time.Millisecond)

// Pool is the connections to one instance. It is a fleet.Pool.
type Pool struct {
	upstream *Upstream
	addr     string // host:port

	mu      sync.Mutex
	idle    []idle // the one that was used last is at the end, and the next to be used
	closing bool   // until used again, none is kept
	swept   bool   // whether the sweep knows of this pool
}

// idle is a connection that waits for its next request.
type idle struct {
	*conn.Conn
	since int64 // on conn's clock
}

// Addr is the instance's address, host:port.
func (p *Pool) Addr() string { return p.addr }

// Idle takes an idle connection; nil means that there is none. One at which a close or
// anything else has arrived already is closed instead. It is looked at when careful is
// true, or when it was idle for long enough for that to be likely.
func (p *Pool) Idle(now int64, careful bool) *conn.Conn {
	for {
		i, ok := p.pop()
		if !ok {
			return nil
		}
		look := careful || now-i.since > unchecked
		if !i.Interrupted() && !(look && i.Pending()) {
			return i.Conn
		}
		i.Close()
	}
}

func (p *Pool) pop() (idle, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closing = false
	last := len(p.idle) - 1
	if last < 0 {
		return idle{}, false
	}
	i := p.idle[last]
	p.idle[last] = idle{}
	p.idle = p.idle[:last]
	return i, true
}

// Dial makes a new connection within timeout.
func (p *Pool) Dial(ctx context.Context, timeout time.Duration) (*conn.Conn, error) {
	p.mu.Lock()
	p.closing = false
	p.mu.Unlock()
	// The exchange has bounds of its own; the kernel need not ask whether a peer is alive.
	d := net.Dialer{Timeout: timeout, KeepAlive: -1}
	c, err := d.DialContext(ctx, "tcp", p.addr)
	if err != nil {
		return nil, err
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		_ = c.Close()
		return nil, fmt.Errorf("dial %s: got a %T, not a TCP connection", p.addr, c)
	}
	return p.upstream.sweeper.Adopt(tcp)
}

// Keep keeps a connection for later, at now on conn's clock. The caller must not use
// it any more.
func (p *Pool) Keep(c *conn.Conn, now int64) {
	if !c.Arm(conn.Never(now), conn.Busy) || !p.push(idle{c, now}) {
		c.Close()
	}
}

func (p *Pool) push(i idle) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing || len(p.idle) >= maxIdle {
		return false
	}
	p.idle = append(p.idle, i)
	if !p.swept {
		p.swept = true
		p.upstream.watch(p)
	}
	return true
}

// CloseIdle closes the idle connections, and those in use as they are handed back,
// until the pool is used again.
func (p *Pool) CloseIdle() {
	p.mu.Lock()
	all := p.idle
	p.idle, p.closing = nil, true
	p.mu.Unlock()
	for _, i := range all {
		i.Close()
	}
}

// sweep closes what was idle for too long, or is of no more use. What was used within
// the last round is left alone; the rest is looked at without the lock, and is not
// there meanwhile.
func (p *Pool) sweep(now int64) {
	var kept []idle
	for _, i := range p.takeRested(now) {
		if now-i.since > int64(idleTimeout) || i.Pending() {
			i.Close()
		} else {
			kept = append(kept, i)
		}
	}
	for _, i := range p.giveBack(kept) {
		i.Close()
	}
}

// takeRested takes the connections that were not used since the last sweep: the first,
// as they are in the order in which they fell idle.
func (p *Pool) takeRested(now int64) []idle {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for n < len(p.idle) && now-p.idle[n].since >= sweepEvery {
		n++
	}
	rested := slices.Clone(p.idle[:n])
	p.idle = slices.Delete(p.idle, 0, n)
	return rested
}

// giveBack puts them back, and returns those that there is no use for by now.
func (p *Pool) giveBack(kept []idle) (surplus []idle) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing {
		kept, surplus = nil, kept
	}
	p.idle = slices.Insert(p.idle, 0, kept...)
	if len(p.idle) == 0 {
		p.swept = false
		p.upstream.unwatch(p)
	}
	return surplus
}
