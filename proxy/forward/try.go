package forward

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"formation/proxy/conn"
	"formation/proxy/http1"
	"formation/proxy/record"
)

// maxFields is how many field lines a response's head may have.
const maxFields = 256

// send sends the request to x's instance, all of it or as much as has come, and waits
// for what follows, if it has sent all.
func (f *Forwarder) send(x *Exchange) record.Outcome {
	x.record.Tries++
	x.record.Instance = x.instance.ID
	for {
		if o := f.connect(x); o != record.Answered {
			return o
		}
		if x.upload.streams {
			return f.sendStreaming(x)
		}
		if !x.peer.Arm(conn.After(x.sent, f.ResponseTimeout), conn.Busy) {
			return record.Unsent
		}
		x.client.Attend(x.peer, x.Request.Minor == 1)
		x.asked = asked{}
		err := x.peer.Await(x.ask)
		switch {
		case x.asked.spent: // a connection that is no good has cost nothing
			x.client.Dismiss()
			x.drop()
			x.instance.Pool.CloseIdle()
		case err != nil && x.asked.sent > 0:
			return x.cut()
		case x.asked.sent == 0:
			return record.Unsent
		case x.asked.sent < len(x.out):
			// After an error in this the instance may have answered all the same.
			_, _ = x.peer.Write(x.out[x.asked.sent:])
			return record.Answered
		default:
			return record.Answered
		}
	}
}

// asked is how far asking an instance is.
type asked struct {
	begun bool
	spent bool // something was there that nobody had asked for, or the end
	sent  int  // bytes
}

// tryAsk sends the request in out and reads the first bytes of the response into up. It
// is for Await, whose first look at the connection is thus used to see whether something
// has arrived already: a response to nobody, or the end.
func (x *Exchange) tryAsk(fd uintptr) (done bool) {
	a := &x.asked
	if !a.begun {
		a.begun = true
		x.up = x.up[:0]
		if x.reused {
			if _, again, _ := conn.TryRead(fd, x.up[:1]); !again {
				a.spent = true
				return true
			}
		}
		a.sent, _ = conn.TryWrite(fd, x.out)
		return a.sent < len(x.out)
	}
	n, again, _ := conn.TryRead(fd, x.up[:cap(x.up)])
	x.up = x.up[:n]
	return !again
}

// sendStreaming sends the request's head and starts to send its body.
func (f *Forwarder) sendStreaming(x *Exchange) record.Outcome {
	x.up = x.up[:0]
	if !x.peer.Arm(conn.After(x.sent, f.BodyTimeout), conn.Busy) {
		return record.Unsent
	}
	x.client.Attend(x.peer, x.Request.Minor == 1)
	if n, err := x.peer.Write(x.out); n == 0 && err != nil {
		return record.Unsent
	}
	// After another error the instance may have answered all the same.
	x.uploading = conn.Never(conn.Now())
	if !x.peer.Arm(x.uploading, conn.Busy) {
		return x.cut()
	}
	x.upload.begin()
	return record.Answered
}

// connect gets a connection to x's instance, an idle one if there is one.
func (f *Forwarder) connect(x *Exchange) record.Outcome {
	pool := x.instance.Pool
	x.connecting, x.sent = 0, x.began
	if x.record.Tries > 1 {
		x.sent = conn.Now()
	}
	x.peer = pool.Idle(x.sent, x.upload.streams)
	x.reused = x.peer != nil
	if x.reused {
		return record.Answered
	}
	began := conn.Now()
	peer, err := pool.Dial(context.Background(), x.policy.connectShare())
	x.sent = conn.Now()
	x.connecting = time.Duration(x.sent - began)
	x.exhausted = errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.EADDRNOTAVAIL)
	var timeout net.Error
	switch {
	case err == nil:
		x.peer = peer
		return record.Answered
	case errors.As(err, &timeout) && timeout.Timeout():
		return record.ConnectTimeout
	default:
		return record.ConnectFailed
	}
}

// readHead reads the head of the response. Interim responses are relayed on the way,
// to clients that know them (RFC 9110, 15.2).
//
// Who waits here is deep in the stack of a client's goroutine, which is to stay within
// its first 2 KiB: no call more than it needs.
func (f *Forwarder) readHead(x *Exchange) record.Outcome {
	x.response.Reset()
	for {
		n, err := x.response.Parse(x.up, http1.Limits{Bytes: f.MaxHeaderBytes, Fields: maxFields})
		switch {
		case err != nil:
			return record.Malformed
		case n == 0:
			if len(x.up) == cap(x.up) {
				x.up = grow(x.up, f.MaxHeaderBytes)
			}
			n, _ := x.peer.Read(x.up[len(x.up):cap(x.up)]) // without bytes it is over
			x.up = x.up[:len(x.up)+n]
			switch {
			case n > 0:
			case x.peer.Interrupted():
				return x.cut()
			default:
				return record.Broken
			}
		case x.response.Status < 200 && x.response.Status != 101:
			if o := x.interim(n); o != record.Answered {
				return o
			}
		case x.response.Status == 101 && !x.switchAskedFor():
			return record.Malformed
		default:
			x.upHead = n
			return record.Answered
		}
	}
}

// interim relays the 1xx response of n bytes in up.
func (x *Exchange) interim(n int) record.Outcome {
	if x.relayInterim() != nil {
		x.fault = clientLeft
		return record.Aborted
	}
	x.up = x.up[:copy(x.up, x.up[n:])]
	x.response.Reset()
	return record.Answered
}

// cut says what has interrupted the exchange.
func (x *Exchange) cut() record.Outcome {
	switch {
	case x.client.Gone():
		x.fault = clientLeft
		return record.Aborted
	case x.upload.stop():
		return record.Aborted
	default:
		return record.Timeout
	}
}

// replayable reports whether the request can be sent once more.
func (x *Exchange) replayable() bool { return !x.relayed && x.upload.replayable() }
