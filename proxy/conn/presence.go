package conn

import (
	"runtime"
)

// A client whose exchange waits for an instance says nothing, and the goroutine that
// serves it reads from the instance: that it leaves is for the sweeper to notice.
//
// Leaving, and ending only one's own side (as `nc -N` does once it has sent its
// request), look the same from here: the client's FIN. Who has left answers the next
// byte with a reset; so a client of HTTP/1.1 is sent a 100 response, which everyone
// else has to ignore (RFC 9110, 15.2). One of HTTP/1.0 is believed to be there.

// The values of speech: who may write to a client.
const (
	nobody    int32 = iota // no exchange waits, or the client knows no 1xx responses
	askable                // an exchange waits for its response: the sweeper may write
	asking                 // the sweeper writes
	answering              // the exchange's goroutine writes
)

// areYouThere is what a client that has ended its side is sent.
const areYouThere = "HTTP/1.1 100 Continue\r\n\r\n"

// Attend has the sweeper watch over a client from now on, whose exchange waits for an
// instance on peer: when the client has left, or when its own deadline comes, peer is
// interrupted. ask is whether it may be sent 1xx responses.
func (c *Conn) Attend(peer *Conn, ask bool) {
	if ask {
		c.speech.Store(askable)
	}
	c.peer.Store(peer)
}

// Uploading says whether another goroutine reads from the client, which then notices
// its end by itself. Who ends its side later in this exchange is believed to be there.
func (c *Conn) Uploading(is bool) {
	c.uploading.Store(is)
	c.uploaded.Store(true)
}

// Speak says that the exchange's goroutine is about to write to the client.
func (c *Conn) Speak() {
	for {
		switch c.speech.Load() {
		case askable:
			if c.speech.CompareAndSwap(askable, answering) {
				return
			}
		case asking:
			runtime.Gosched() // 25 bytes into a buffer
		default:
			return
		}
	}
}

// Listen says that the goroutine has written an interim response, and waits again.
func (c *Conn) Listen() { c.speech.CompareAndSwap(answering, askable) }

// Linger is to be called before the first byte of a response that takes time: a client
// that has ended its side by now did so on purpose, one that does later leaves.
func (c *Conn) Linger() {
	if ended, _ := c.hungUp(); ended {
		c.half.Store(true)
	}
}

// Dismiss ends what Attend began.
func (c *Conn) Dismiss() {
	c.Speak()
	c.peer.Store(nil)
	c.uploaded.Store(false)
	c.speech.Store(nobody)
}

// Gone reports whether the client was seen to have left.
func (c *Conn) Gone() bool { return c.gone.Load() }

// quiet is a client with which nothing has happened since the last sweep.
type quiet struct {
	client   *Conn
	waits    *Conn // where its goroutine does: at an instance, or the client itself
	deadline int64 // of that
}

// quiet is called with the sweeper's mutex held; d is c's deadline.
func (c *Conn) quiet(d int64) (quiet, bool) {
	if d != c.seen {
		return quiet{}, false
	}
	if Phase(d&3) == Idle && d != c.looked {
		c.looked = d
		return quiet{c, c, d}, true
	}
	peer := c.peer.Load()
	if peer == nil || Phase(d&3) != Busy {
		return quiet{}, false
	}
	p := peer.deadline.Load()
	return quiet{c, peer, p}, p != interrupted && p == peer.seen
}

// look finds out whether the client is there, and interrupts its wait if not. One that
// waits for its next request is interrupted, too, when something has arrived that did not
// wake it: together with the last head, behind what was read. So one look is enough.
func (q quiet) look() {
	c := q.client
	if q.waits == c {
		if c.Pending() {
			c.interrupt(q.deadline)
		}
		return
	}
	ended, left := c.hungUp()
	if !left && (!ended || c.stays()) {
		return
	}
	c.gone.Store(true) // before it is asked for
	if !q.waits.interrupt(q.deadline) {
		c.gone.Store(false) // something has happened meanwhile
	}
}

// stays reports whether a client that has ended its side is believed to be there.
func (c *Conn) stays() bool {
	switch {
	case c.half.Load(), c.uploading.Load(), c.speech.Load() == nobody:
		return true
	case c.ask():
		return true // for now
	case c.uploaded.Load():
		c.half.Store(true)
		return true
	default:
		return false
	}
}

// ask makes a client that has left tell so by the next sweep; false means that it may
// not be asked, because its response has begun.
func (c *Conn) ask() bool {
	if !c.speech.CompareAndSwap(askable, asking) {
		return false
	}
	_ = c.raw.Control(func(fd uintptr) {
		// What does not fit now is not sent at all, or is the end of the connection.
		if n, _ := TryWrite(fd, []byte(areYouThere)); n > 0 && n < len(areYouThere) {
			c.Interrupt()
		}
	})
	c.half.Store(true)
	c.speech.Store(askable)
	return true
}
