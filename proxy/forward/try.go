package forward

import (
	"context"
	"errors"
	"net"

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

// try sends the request to x's instance and reads the head of its response.
func (f *Forwarder) try(x *Exchange, p *policy) record.Outcome {
	x.record.Tries++
	x.record.Instance = x.instance.ID
	x.connecting = 0
	if o := f.connect(x, p); o != record.Answered {
		return o
	}
	x.client.Attend(x.peer, x.Request.Minor == 1)
	if !x.client.Arm(conn.Never, conn.Busy) {
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
	} else if !x.peer.Arm(conn.After(x.sent, f.ResponseTimeout), conn.Busy) {
		return x.cut()
	}
	return f.readHead(x)
}

// connect gets a connection to x's instance, an idle one if there is one.
func (f *Forwarder) connect(x *Exchange, p *policy) record.Outcome {
	pool := x.instance.Pool
	x.sent = x.began
	if x.record.Tries > 1 {
		x.sent = conn.Now()
	}
	x.peer = pool.Idle(x.sent, !p.idempotent || x.upload.streams)
	if x.peer != nil {
		return record.Answered
	}
	began := conn.Now()
	peer, err := pool.Dial(context.Background(), p.connectShare())
	x.sent = conn.Now()
	x.connecting = x.sent - began
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
func (f *Forwarder) readHead(x *Exchange) record.Outcome {
	limits := http1.Limits{Bytes: f.MaxHeaderBytes, Fields: maxFields}
	x.up = x.up[:0]
	x.response.Reset()
	for {
		n, err := x.response.Parse(x.up, limits)
		switch {
		case err != nil:
			return record.Malformed
		case n == 0:
			if o := x.readMore(f.MaxHeaderBytes); o != record.Answered {
				return o
			}
		case x.response.Status >= 200:
			x.upHead = n
			return record.Answered
		case x.response.Status == 101:
			if !x.switchAskedFor() {
				return record.Malformed
			}
			x.upHead = n
			return record.Answered
		default:
			if x.relayInterim() != nil {
				x.fault = left
				return record.Aborted
			}
			x.up = x.up[:copy(x.up, x.up[n:])]
			x.response.Reset()
		}
	}
}

// readMore reads more of the response's head.
func (x *Exchange) readMore(limit int) record.Outcome {
	if len(x.up) == cap(x.up) {
		x.up = grow(x.up, limit)
	}
	n, err := x.peer.Read(x.up[len(x.up):cap(x.up)])
	x.up = x.up[:len(x.up)+n]
	switch {
	case n > 0:
		return record.Answered
	case x.peer.Interrupted():
		return x.cut()
	case err == nil:
		return record.Answered
	default:
		return record.Broken
	}
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
