package redisclient

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"

	"formation/consul/discovery"
)

// place is where a service's one server is at the moment, and the connections
// there.
type place struct {
	service string
	log     *slog.Logger

	mu    sync.Mutex
	addr  string             // "host:port"; empty until an instance was ready
	conns map[*conn]struct{} // open, all of them to addr
	said  string             // the last line in the log, to write each once
}

// publish moves the place to where the service's ready instance is. While the
// current one is ready it is kept, whatever else is: two servers do not share their
// data, and users that alternate between them would see both. While none is ready
// it is kept too, since it is more likely to answer than no address.
func (p *place) publish(set discovery.Set) {
	var ready []string
	for _, instance := range set.Instances {
		if instance.Ready && !slices.Contains(ready, instance.Addr) {
			ready = append(ready, instance.Addr)
		}
	}

	p.mu.Lock()
	defer p.mu.Unlock()
	if len(ready) == 0 {
		if p.addr != "" {
			p.say(slog.LevelWarn, "no redis is ready, keeping the last known one", "addr", p.addr)
		}
		return
	}
	if !slices.Contains(ready, p.addr) {
		p.move(ready[0])
	}
	if len(ready) > 1 {
		p.say(slog.LevelWarn, "more than one redis is ready, keeping the current one", "addr", p.addr, "ready", ready)
		return
	}
	p.say(slog.LevelInfo, "redis found", "addr", p.addr)
}

// move closes the connections to the old place; go-redis sees that and dials anew.
func (p *place) move(addr string) {
	for c := range p.conns {
		_ = c.TCPConn.Close()
	}
	p.conns = make(map[*conn]struct{})
	p.addr = addr
}

func (p *place) say(level slog.Level, message string, args ...any) {
	line := message + fmt.Sprint(args...)
	if line == p.said {
		return
	}
	p.said = line
	p.log.Log(context.Background(), level, message, append(args, "service", p.service)...)
}

func (p *place) current() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.addr
}

// dial connects to the current place, also when that changes while it dials.
func (p *place) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	for {
		addr := p.current()
		if addr == "" {
			return nil, fmt.Errorf("no ready instance of service %q is known yet", p.service)
		}
		dialed, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			if ctx.Err() == nil && p.current() != addr {
				continue
			}
			return nil, err
		}
		if c, ok := p.keep(dialed.(*net.TCPConn), addr); ok {
			return c, nil
		}
		_ = dialed.Close()
	}
}

// keep tracks a new connection to addr, unless the place moved meanwhile.
func (p *place) keep(tcp *net.TCPConn, addr string) (*conn, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.addr != addr {
		return nil, false
	}
	c := &conn{TCPConn: tcp, place: p}
	p.conns[c] = struct{}{}
	return c, true
}

// conn is a tracked connection. The TCP connection is embedded for its SyscallConn,
// by which go-redis tells that an idle connection was closed.
type conn struct {
	*net.TCPConn
	place *place
}

// Close closes the connection and ends its tracking.
func (c *conn) Close() error {
	c.place.mu.Lock()
	delete(c.place.conns, c)
	c.place.mu.Unlock()
	return c.TCPConn.Close()
}
