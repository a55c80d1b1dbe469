package edge

import (
	"errors"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"formation/proxy/conn"
	"formation/proxy/forward"
	"formation/proxy/http1"
)

// maxFields is how many field lines a request's head may have.
const maxFields = 128

// lingering is how long a connection at its end is read from, so that what the client
// still sends does not destroy the response on its way (RFC 9112, 9.6).
const lingering = 2 * time.Second

// client is one client's connection, served by one goroutine.
type client struct {
	forward.Client
	server *Server

	x      *forward.Exchange     // nil while the client sends nothing
	try    func(fd uintptr) bool // swiftly, bound once
	err    error                 // how reading has ended
	phase  conn.Phase            // while nothing comes
	ending forward.Ending        // of the last exchange
	ended  int64                 // when it did
}

// serve carries out one exchange after the other.
func (c *client) serve() {
	defer c.server.running.Done()
	defer c.server.forget(c)
	defer c.recover()
	c.ended = conn.Now()
	for c.await() {
		if c.ending == forward.Again { // there is a request, or the beginning of one
			if !c.head() || c.server.over.Load() {
				return
			}
			c.exchange()
		}
		switch c.ending {
		case forward.Again:
		case forward.Linger:
			c.linger()
			return
		case forward.Abort:
			c.Reset()
			return
		default:
			return
		}
	}
}

// exchange carries out the exchange whose request's head has come.
func (c *client) exchange() {
	c.ending = c.server.forwarder.Do(c.x, &c.Client, &c.server.draining)
	c.ended, c.phase = c.x.Ended, conn.Idle
}

// recover keeps a mistake of ours from ending everyone else's exchanges.
func (c *client) recover() {
	switch p := recover(); {
	case p != nil:
		c.server.Log.Error("panic: the connection is closed", "error", p, "stack", string(debug.Stack()))
		if c.x != nil {
			c.x.Abandon()
		}
	case c.x != nil:
		forward.Put(c.x)
	}
}

// await waits for bytes of a request that is not for swiftly to serve, or for the end of
// one that it has served: then ending is not Again. It returns false at the connection's
// own end. While nothing comes, the client has no workspace.
func (c *client) await() bool {
	if c.x != nil && len(c.x.In) > 0 { // it came with the last one
		return true
	}
	if c.rest() || c.phase == conn.Fresh {
		if c.Await(c.try) == nil && c.x != nil {
			return c.err == nil
		}
	}
	// The wait is over, for whatever reason. What has come by now is served all the same.
	c.Revive(conn.Never(0), conn.Busy)
	once := func(fd uintptr) bool { c.read(fd); return true }
	return c.Await(once) == nil && c.err == nil && c.x != nil
}

// rest bounds the wait for the next request, and reports whether there may be one.
func (c *client) rest() bool {
	return c.Arm(conn.After(c.ended, c.server.IdleTimeout), c.phase) && !c.server.ending.Load()
}

// busy ends the time for what has come just now, even if it is over.
func (c *client) busy() {
	if !c.Arm(conn.Never(0), conn.Busy) {
		c.Revive(conn.Never(0), conn.Busy)
	}
}

// swiftly is for Await. It carries out exchanges within the wait for a request, as long as
// each needs nothing of the client but the head that is there: the wait has begun before
// that was read, so that nobody has to look for more when the response has been sent. It
// reports whether there is anything else to do.
//
// What came together with the head and was not read, as an end, wakes nobody. Who sends
// one request and ends is served without this, as each client is at first; else the
// sweeper finds it.
func (c *client) swiftly(fd uintptr) (done bool) {
	if !c.read(fd) {
		return false
	}
	c.busy()
	drained := c.err == nil && len(c.x.In) < cap(c.x.In)
	if c.phase == conn.Fresh || !drained || c.server.ending.Load() || !c.whole() {
		return true
	}
	c.exchange()
	if c.ending != forward.Again || len(c.x.In) > 0 {
		return true
	}
	forward.Put(c.x)
	c.x = nil
	return !c.rest()
}

// whole reports whether what has come is a request without more to it.
func (c *client) whole() bool {
	r := &c.x.Request
	n, err := r.Parse(c.x.In, c.limits())
	c.x.Head = n
	return err == nil && n > 0 && r.Length == 0 && !r.Upgrade
}

func (c *client) limits() http1.Limits {
	return http1.Limits{Bytes: c.server.MaxHeaderBytes, Fields: maxFields}
}

// read reads what is there, into a workspace if there is anything. It is for Await.
func (c *client) read(fd uintptr) (done bool) {
	if c.x == nil {
		c.x = forward.Get()
	}
	n, again, err := conn.TryRead(fd, c.x.In[:cap(c.x.In)])
	if again {
		forward.Put(c.x)
		c.x = nil
		return false
	}
	c.x.In, c.err = c.x.In[:n], err
	return true
}

// head reads a request's head to its end, or answers what is wrong with it.
func (c *client) head() bool {
	x := c.x
	for timed := false; ; {
		n, err := x.Request.Parse(x.In, c.limits())
		if err != nil {
			var fault *http1.Error
			errors.As(err, &fault)
			c.refuseRequest(fault.Status, fault.Reason)
			return false
		}
		if n > 0 {
			if timed {
				c.busy()
			}
			x.Head = n
			return true
		}
		if !timed {
			timed = true
			c.Arm(conn.After(conn.Now(), c.server.HeaderTimeout), conn.Busy)
		}
		switch err := c.more(); {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded):
			c.refuseRequest(408, "the request's head did not arrive in time")
			return false
		case err == io.EOF && strings.Trim(string(x.In), "\r\n") == "":
			return false // empty lines are no request (RFC 9112, 2.2)
		case err == io.EOF:
			c.refuseRequest(400, "the request's head ended too early")
			return false
		default:
			return false
		}
	}
}

// more reads more of a head.
func (c *client) more() error {
	x := c.x
	if len(x.In) == cap(x.In) {
		x.In = append(x.In, 0)[:len(x.In)] // at most twice the bound of a head
	}
	n, err := c.Read(x.In[len(x.In):cap(x.In)])
	x.In = x.In[:len(x.In)+n]
	if n > 0 {
		return nil
	}
	return err
}

func (c *client) refuseRequest(status int, reason string) {
	c.x.Head = len(c.x.In)
	c.server.forwarder.Refuse(c.x, &c.Client, status, reason)
	c.linger()
}

// refuse tells a client that there are too many.
func (c *client) refuse() {
	defer c.server.running.Done()
	defer c.server.refusing.Add(-1)
	defer c.Close()
	c.Arm(conn.After(conn.Now(), lingering), conn.Busy)
	_, _ = c.Write(forward.TooMany())
	c.linger()
}

// linger ends the connection once the client has ended its side, or the time is over.
func (c *client) linger() {
	if c.CloseWrite() != nil || !c.Arm(conn.After(conn.Now(), lingering), conn.Busy) {
		return
	}
	var discarded [512]byte
	for {
		if _, err := c.Read(discarded[:]); err != nil {
			return
		}
	}
}
