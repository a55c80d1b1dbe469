package forward

import (
	"errors"
	"io"
	"time"

	"formation/proxy/conn"
	"formation/proxy/http1"
)

// minSpliced is how much of a body has to be left, in bytes, for moving it inside the
// kernel to pay.
const minSpliced = 32 << 10

// Who ended a relay too early.
var (
	errInstance = errors.New("the instance's connection ended within the response")
	errClient   = errors.New("the client does not take the response")
)

// relay sends the response, whose head has arrived, to the client as it comes.
func (f *Forwarder) relay(x *Exchange) Ending {
	now := conn.Now()
	x.record.Status = x.response.Status
	x.record.Upstream = time.Duration(now - x.sent)
	x.client.Speak()
	x.relayed = true
	if x.response.Status == 101 {
		return f.tunnel(x)
	}

	x.body, x.left = x.response.Body(x.Request.Head), x.response.Length
	as := plain
	if x.body == http1.ByChunks || x.body == http1.ByClose {
		as = chunks
		if x.Request.Minor == 0 {
			as = toClose
		}
	}
	// An instance that answers early, and closes or has said all, leaves a body unread.
	said := x.body == http1.NoBody || x.body == http1.ByLength && x.left <= int64(len(x.up)-x.upHead)
	unread := x.upload.streams && (said || !x.response.KeepAlive) && !x.upload.read.Load()
	last := !x.Request.KeepAlive || x.closing.Load() || as == toClose || unread
	x.out = x.appendResponse(x.out[:0], as, last)

	x.next = x.upHead
	x.chunks.reset(as == toClose)
	err := errInstance
	if x.peer.Arm(conn.Never(now), conn.Busy) {
		err = x.relayBody(now)
	}
	ending := x.finish(err, last)
	if ending == Cut && as == toClose {
		return Abort
	}
	return ending
}

// relayInterim relays the 1xx response in up, to a client that knows them (RFC 9110,
// 15.2).
func (x *Exchange) relayInterim() error {
	if x.Request.Minor == 0 {
		return nil
	}
	x.relayed = true
	x.client.Speak()
	before := x.client.Deadline() // the upload's, or none
	now := conn.Now()
	x.out = x.appendResponse(x.out[:0], plain, false)
	err := x.send(now)
	x.client.Rearm(conn.After(now, x.upload.timeout), before)
	x.client.Listen()
	return err
}

// finish hands the connection to the instance back, and says how the client's goes on.
func (x *Exchange) finish(err error, last bool) Ending {
	x.upload.finish()
	x.client.Dismiss()
	complete := x.upload.complete()
	x.Ended = conn.Now()
	armed := x.client.Arm(conn.Never(x.Ended), conn.Busy) // before the other connection is anybody else's
	whole := err == nil && armed
	if whole && complete && x.response.KeepAlive && x.body != http1.ByClose && x.next == len(x.up) {
		x.instance.Pool.Keep(x.peer, x.Ended)
		x.peer = nil
	}
	x.drop()
	switch {
	case !whole:
		x.record.Broken = err == errInstance && !x.client.Gone()
		return Cut
	case !complete || last && x.Request.KeepAlive:
		return Linger
	case last:
		return Close
	default:
		return Again
	}
}

// relayBody relays the body after what is in out, as it comes.
func (x *Exchange) relayBody(now int64) error {
	for streaming := false; ; streaming = true {
		over, wrong := x.take()
		if !over && !streaming {
			x.client.Linger()
		}
		if err := x.send(now); err != nil {
			return err
		}
		switch {
		case over || wrong != nil:
			return wrong
		case x.body == http1.ByLength && x.left >= minSpliced:
			return x.move()
		}
		if err := x.receive(); err != nil {
			return err
		}
		now = conn.Now()
	}
}

// take takes what there is of the body out of up, and reports whether it is over.
func (x *Exchange) take() (over bool, err error) {
	switch came := x.up[x.next:]; x.body {
	case http1.NoBody:
		return true, nil
	case http1.ByLength: // RFC 9112, 6.2
		n := min(int64(len(came)), x.left)
		x.out = append(x.out, came[:n]...)
		x.next += int(n)
		x.left -= n
		return x.left == 0, nil
	case http1.ByChunks: // RFC 9112, 7.1
		return x.rechunk()
	default: // RFC 9112, 6.3, 8
		x.out = x.chunks.append(x.out, came)
		x.next = len(x.up)
		if x.upEnded {
			x.out = x.chunks.end(x.out)
		}
		return x.upEnded, nil
	}
}

// send sends what is in out, and empties it.
func (x *Exchange) send(now int64) error {
	if len(x.out) == 0 {
		return nil
	}
	if !x.client.Arm(conn.After(now, x.upload.timeout), conn.Busy) {
		return errClient
	}
	x.told = told{}
	err := x.client.AwaitRoom(x.tell)
	x.record.Out += int64(x.told.bytes)
	x.out = x.out[:0]
	if err != nil || x.told.err != nil {
		return errClient
	}
	return nil
}

// told is how far sending to the client is.
type told struct {
	bytes int
	err   error
}

// tryTell sends what is in out. It is for AwaitRoom.
func (x *Exchange) tryTell(fd uintptr) (done bool) {
	t := &x.told
	for t.bytes < len(x.out) && t.err == nil {
		var n int
		n, t.err = conn.TryWrite(fd, x.out[t.bytes:])
		if n == 0 && t.err == nil {
			return false
		}
		t.bytes += n
	}
	return true
}

// receive reads more of the response into up.
func (x *Exchange) receive() error {
	if !x.client.Arm(conn.After(conn.Now(), x.upload.timeout), conn.Busy) {
		return errClient
	}
	x.up = x.up[:copy(x.up, x.up[x.next:])]
	x.next = 0
	n, err := x.peer.Read(x.up[len(x.up):cap(x.up)])
	x.up = x.up[:len(x.up)+n]
	switch {
	case n > 0:
		return nil
	case err == io.EOF && x.body == http1.ByClose:
		x.upEnded = true
		return nil
	case err != io.EOF && x.client.Gone():
		return errClient
	default:
		return errInstance
	}
}

// move moves a body inside the kernel.
func (x *Exchange) move() error {
	for x.left > 0 {
		if !x.client.Arm(conn.After(conn.Now(), x.upload.timeout), conn.Busy) {
			return errClient
		}
		n, err := x.splice.Move(x.client.Conn, x.peer, x.left)
		x.left -= n
		x.record.Out += n
		switch {
		case err == nil:
		case err != io.EOF && (x.client.Gone() || x.client.HungUp() || x.client.Interrupted() && x.peer.Pending()):
			return errClient
		default:
			return errInstance
		}
	}
	return nil
}

// rechunk takes what there is of a body in chunks.
func (x *Exchange) rechunk() (over bool, err error) {
	for {
		var event http1.Event
		var n int
		x.out, event, n, err = x.chunks.next(x.out, x.up[x.next:])
		x.next += n
		switch {
		case err != nil:
			return false, errInstance
		case event == http1.End:
			return true, nil
		case event == http1.More:
			return false, nil
		}
	}
}
