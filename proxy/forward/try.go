package forward

import (
	"context"
	"errors"
	"net"
	"time"

	"formation/proxy/conn"
	"formation/proxy/http1"
	"formation/proxy/record"
)

// maxFields is how many field lines a response's head may have.
const maxFields = 256

// uploading is the deadline of a connection to an instance whose request is still on
// its way: the client's bounds that. relaying is that of one whose response is.
const (
	uploading = conn.Never
	relaying  = conn.Never - 4
)

// send sends the request, or its head and the beginning of its body, to x's instance.
func (f *Forwarder) send(x *Exchange) record.Outcome {
	x.record.Tries++
	x.record.Instance = x.instance.ID
	if o := f.connect(x); o != record.Answered {
		return o
	}
	x.client.Attend(x.peer, x.Request.Minor == 1)
	if !x.client.Arm(conn.Never, conn.Busy) {
		return x.cut()
	}
	timeout := f.ResponseTimeout
	if x.upload.streams {
		timeout = f.BodyTimeout
	}
	if !x.peer.Arm(conn.After(x.sent, timeout), conn.Busy) {
		return x.cut()
	}
	n, err := x.peer.Write(x.out)
	if n == 0 && err != nil {
		return record.Unsent
	}
	// After another error the instance may have answered all the same.
	if x.upload.streams {
		if !x.peer.Arm(uploading, conn.Busy) {
			return x.cut()
		}
		x.upload.begin()
	}
	return record.Answered
}

// connect gets a connection to x's instance, an idle one if there is one.
func (f *Forwarder) connect(x *Exchange) record.Outcome {
	pool := x.instance.Pool
	x.connecting, x.sent = 0, x.began
	if x.record.Tries > 1 {
		x.sent = conn.Now()
	}
	x.peer = pool.Idle(x.sent, !x.Request.Idempotent || x.upload.streams)
	if x.peer != nil {
		return record.Answered
	}
	began := conn.Now()
	peer, err := pool.Dial(context.Background(), x.policy.connectShare())
	x.sent = conn.Now()
	x.connecting = time.Duration(x.sent - began)
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
	x.up = x.up[:0]
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
		x.fault = left
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
		x.fault = left
		return record.Aborted
	case x.upload.stop():
		return record.Aborted
	default:
		return record.Timeout
	}
}

// replayable reports whether the request can be sent once more.
func (x *Exchange) replayable() bool { return !x.relayed && x.upload.replayable() }
