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

	body := x.response.Body(x.Request.Head)
	as := plain
	if body == http1.ByChunks || body == http1.ByClose {
		as = chunks
		if x.Request.Minor == 0 {
			as = toClose
		}
	}
	// An instance that answers early, and closes or has said all, leaves a body unread.
	said := body == http1.NoBody || body == http1.ByLength && x.response.Length <= int64(len(x.up)-x.upHead)
	unread := x.upload.streams && (said || !x.response.KeepAlive) && !x.upload.read.Load()
	last := !x.Request.KeepAlive || x.closing.Load() || as == toClose || unread
	x.out = x.appendResponse(x.out[:0], as, last)

	x.next = x.upHead
	x.chunks.reset(as == toClose)
	var err error
	switch {
	case !x.peer.Arm(conn.Never(now), conn.Busy):
		err = errInstance
	case body == http1.NoBody:
		err = x.send(now)
	case body == http1.ByLength:
		err = x.relayLength(now, x.response.Length)
	case body == http1.ByChunks:
		err = x.relayChunks(now)
	default:
		err = x.relayToClose(now)
	}
	ending := x.finish(err, last, body != http1.ByClose)
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
func (x *Exchange) finish(err error, last, reusable bool) Ending {
	x.upload.finish()
	x.client.Dismiss()
	complete := x.upload.complete()
	x.Ended = conn.Now()
	armed := x.client.Arm(conn.Never(x.Ended), conn.Busy) // before the other connection is anybody else's
	whole := err == nil && armed
	if whole && reusable && complete && x.response.KeepAlive && x.next == len(x.up) {
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

// send sends what is in out, and empties it.
func (x *Exchange) send(now int64) error {
	if len(x.out) == 0 {
		return nil
	}
	if !x.client.Arm(conn.After(now, x.upload.timeout), conn.Busy) {
		return errClient
	}
	n, err := x.client.Write(x.out)
	x.record.Out += int64(n)
	x.out = x.out[:0]
	if err != nil {
		return errClient
	}
	return nil
}

// receive reads more of the response into up. The end is io.EOF.
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
	case err == io.EOF:
		return err
	case x.client.Gone():
		return errClient
	default:
		return errInstance
	}
}

// relayLength relays a body of a length that its head tells (RFC 9112, 6.2).
func (x *Exchange) relayLength(now, left int64) error {
	for streaming := false; ; streaming = true {
		n := min(int64(len(x.up)-x.next), left)
		x.out = append(x.out, x.up[x.next:x.next+int(n)]...)
		x.next += int(n)
		left -= n
		if left > 0 && !streaming {
			x.client.Linger()
		}
		if err := x.send(now); err != nil || left == 0 {
			return err
		}
		if left >= minSpliced {
			return x.move(left)
		}
		if err := x.receive(); err != nil {
			return ended(err)
		}
		now = conn.Now()
	}
}

// move moves a body inside the kernel.
func (x *Exchange) move(left int64) error {
	for left > 0 {
		if !x.client.Arm(conn.After(conn.Now(), x.upload.timeout), conn.Busy) {
			return errClient
		}
		n, err := x.splice.Move(x.client.Conn, x.peer, left)
		left -= n
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

// relayChunks relays a body in chunks (RFC 9112, 7.1).
func (x *Exchange) relayChunks(now int64) error {
	for streaming := false; ; streaming = true {
		over, fault := x.rechunk()
		if !over && !streaming {
			x.client.Linger()
		}
		if err := x.send(now); err != nil {
			return err
		}
		if over || fault != nil {
			return fault
		}
		if err := x.receive(); err != nil {
			return ended(err)
		}
		now = conn.Now()
	}
}

// rechunk takes what there is of a body in chunks out of up.
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

// relayToClose relays a body that ends with its connection (RFC 9112, 6.3, 8).
func (x *Exchange) relayToClose(now int64) error {
	for streaming := false; ; streaming = true {
		x.out = x.chunks.append(x.out, x.up[x.next:])
		x.next = len(x.up)
		if !streaming {
			x.client.Linger()
		}
		if err := x.send(now); err != nil {
			return err
		}
		err := x.receive()
		now = conn.Now()
		if err == io.EOF {
			x.out = x.chunks.end(x.out)
			return x.send(now)
		}
		if err != nil {
			return err
		}
	}
}

// ended is what the end of an instance's connection means within a body.
func ended(err error) error {
	if err == io.EOF {
		return errInstance
	}
	return err
}
