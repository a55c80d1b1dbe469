package forward

import (
	"errors"
	"io"
	"os"

	"formation/proxy/conn"
	"formation/proxy/http1"
	"formation/proxy/record"
)

// pump is the goroutine.
func (u *upload) pump() {
	x := u.x
	peer := x.peer
	defer u.over()
	err := u.copy()
	switch {
	case u.stopping.Load():
	case u.fault.status != 0:
		peer.Interrupt() // what was sent is not a whole request
	default:
		u.sent = err == nil
		// The time for the response begins, unless that itself has, whose bounds are the
		// client's. An instance that takes no more may have answered.
		now := conn.Now()
		if peer.Rearm(x.uploading, conn.After(now, u.answerTimeout)) {
			x.client.Rearm(u.armed, conn.Never(now))
		}
	}
}

// over is the goroutine's end.
func (u *upload) over() {
	if u.panic = recover(); u.panic != nil {
		u.x.peer.Interrupt()
	}
	u.x.client.Uploading(false)
	u.done <- struct{}{}
}

// copy sends the body. An error with no fault is the instance's.
func (u *upload) copy() error {
	x := u.x
	for u.resends || !u.read.Load() {
		u.armed = conn.After(conn.Now(), u.timeout)
		if !x.client.Arm(u.armed, conn.Busy) {
			if u.next < len(u.raw) { // it was reading that took too long
				u.fault = stalled
			}
			return os.ErrDeadlineExceeded
		}
		var err error
		switch {
		case u.resends:
			err = u.resend()
		case u.next < len(u.raw) && !u.more:
			err = u.send()
		case x.Request.Chunked || u.holds && !u.lost || u.left <= minMoved:
			err = u.fill()
		default:
			err = u.move()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// resend sends what an earlier try has read.
func (u *upload) resend() error {
	u.resends = false
	if !u.x.Request.Chunked {
		_, err := u.x.peer.Write(u.held[u.lead:])
		return err
	}
	u.chunks.ended = false
	u.out = u.chunks.append(u.out[:0], u.held)
	if u.read.Load() {
		u.out = u.chunks.end(u.out)
	}
	return u.flush()
}

// slack is what a chunk's framing may take, in bytes, so that what was read fits into out.
const slack = 32

// fill reads more from the client.
func (u *upload) fill() error {
	if u.next > 0 {
		u.raw = u.raw[:copy(u.raw, u.raw[u.next:])]
		u.next = 0
	}
	u.more = false
	n, err := u.x.client.Read(u.raw[len(u.raw) : cap(u.raw)-slack])
	u.raw = u.raw[:len(u.raw)+n]
	if n > 0 {
		return nil
	}
	u.blame(err)
	return err
}

// move sends some of a long body inside the kernel, but not its end: an instance that
// has it may answer before this returns.
func (u *upload) move() error {
	x := u.x
	n, err := u.splice.Move(x.peer, x.client.Conn, u.left-minMoved/2)
	u.took(n)
	switch {
	case err == nil, x.peer.HungUp(), x.client.Interrupted() && x.client.Pending():
		return err // it was the instance, if anybody
	}
	u.blame(err)
	return err
}

// blame says what was wrong with the client.
func (u *upload) blame(err error) {
	switch {
	case u.x.client.Interrupted():
		u.fault = stalled
	case u.stopping.Load():
	case err == io.EOF:
		u.fault = fault{status: 400, reason: "the request's body ended too early"}
	default:
		u.fault = clientLeft
	}
}

// The client's faults.
var (
	stalled    = fault{status: 408, reason: "the request's body did not arrive in time"}
	clientLeft = fault{status: record.StatusClientClosed}
)

// took counts n bytes of the body.
func (u *upload) took(n int64) {
	u.size += n
	u.left -= n
	u.x.record.In += n
}

// send sends what is in raw.
func (u *upload) send() error {
	u.out = u.out[:0]
	if u.x.Request.Chunked {
		if err := u.decode(); err != nil {
			return err
		}
		return u.flush()
	}
	data := u.raw[u.next:]
	if int64(len(data)) > u.left {
		data = data[:u.left]
	}
	u.next += len(data)
	u.took(int64(len(data)))
	u.hold(data)
	if u.left == 0 {
		u.read.Store(true)
	}
	_, err := u.x.peer.Write(data)
	return err
}

// decode takes chunks out of raw and appends them, written anew, to out.
func (u *upload) decode() error {
	for {
		var event http1.Event
		var n int
		var err error
		u.out, event, n, err = u.chunks.next(u.out, u.raw[u.next:])
		u.next += n
		u.x.record.In += int64(n)
		if err != nil {
			u.fault = faultOf(err)
			return err
		}
		switch event {
		case http1.ChunkData:
			u.size += int64(len(u.chunks.Data))
			if u.max > 0 && u.size > u.max {
				u.fault = tooLarge
				return errors.New(tooLarge.reason)
			}
			u.hold(u.chunks.Data)
		case http1.TrailerField:
			u.lost = true
		case http1.End:
			u.read.Store(true)
			return nil
		case http1.More:
			u.more = true
			return nil
		}
	}
}

// faultOf is what is wrong with a request, as http1 says it.
func faultOf(err error) fault {
	var e *http1.Error
	if !errors.As(err, &e) {
		return fault{status: 400, reason: err.Error()}
	}
	return fault{status: e.Status, reason: e.Reason}
}

// hold keeps a part of the body for another try.
func (u *upload) hold(data []byte) {
	switch {
	case !u.holds || u.lost:
	case len(u.held)+len(data) > maxHeld:
		u.lost = true
	default:
		u.held = append(u.held, data...)
	}
}

func (u *upload) flush() error {
	if len(u.out) == 0 {
		return nil
	}
	_, err := u.x.peer.Write(u.out)
	return err
}
