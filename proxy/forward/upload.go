package forward

import (
	"errors"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"formation/proxy/conn"
	"formation/proxy/http1"
)

// maxHeld is how much of a request's body is kept so that it can be sent again, in
// bytes. A longer body streams through and cannot.
const maxHeld = 64 << 10

// bulk are buffers for bodies.
var bulk = sync.Pool{New: func() any { return new([bulkSize]byte) }}

const bulkSize = 64 << 10

// upload is a request's body on its way to the instance. One that came with its head
// is sent with it; any other is sent by a goroutine of its own, as the response may
// begin before the body has ended.
type upload struct {
	x       *Exchange
	streams bool // it has a goroutine
	end     int  // of a body that came with the head, in x.In

	max           int64         // bytes; 0: any
	timeout       time.Duration // without progress
	answerTimeout time.Duration // for the response, from the last byte
	holds         bool          // for another try
	lost          bool          // not all that was read is held
	held          []byte

	left   int64 // to be read, of a body with a length
	size   int64 // read so far
	lead   int64 // of that, what was sent with the head
	chunks rechunker
	more   bool   // what is in raw needs more after it to be understood
	raw    []byte // raw[next:] is what was read from the client and not yet looked at
	next   int
	out    []byte
	bulk   [3]*[bulkSize]byte // behind raw, out and held
	splice conn.Splice
	armed  int64 // the deadline that was last set

	start    func() // pump, bound once: starting it allocates nothing
	done     chan struct{}
	running  bool
	begun    bool // to be sent
	resends  bool // has to begin with what an earlier try has read
	stopping atomic.Bool
	read     atomic.Bool // the whole body was read from the client

	// The goroutine's, until it is done.
	sent  bool // the whole body was sent
	fault fault
}

func (u *upload) init(x *Exchange) {
	u.x = x
	u.start = u.pump
	u.done = make(chan struct{}, 1)
}

// prepare looks at what has come with the head.
func (u *upload) prepare(x *Exchange, f *Forwarder) {
	r := &x.Request
	u.max, u.timeout, u.answerTimeout = f.MaxBodyBytes, f.BodyTimeout, f.ResponseTimeout
	u.streams = r.Chunked || r.Length > int64(len(x.In)-x.Head)
	u.fault, u.sent = fault{}, false
	if !u.streams {
		u.end = x.Head + int(r.Length)
		x.record.In += r.Length
		return
	}
	u.read.Store(false)
	u.size, u.lead, u.next, u.more, u.begun = 0, 0, 0, false, false
	u.raw = u.buffer(0)
	u.holds, u.lost = r.Idempotent && r.Length <= maxHeld, false
	if u.holds {
		u.held = u.buffer(1)
	}
	came := x.In[x.Head:]
	if r.Chunked {
		u.raw = append(u.raw, came...)
		u.out = u.buffer(2)
		u.chunks.reset(false)
		return
	}
	u.left, u.lead = r.Length, int64(len(came))
	u.took(u.lead)
	u.hold(came)
	u.end = len(x.In)
}

func (u *upload) buffer(n int) []byte {
	u.bulk[n] = bulk.Get().(*[bulkSize]byte)
	return u.bulk[n][:0]
}

// part is what is sent with the head.
func (u *upload) part() []byte {
	if u.streams && u.x.Request.Chunked {
		return nil
	}
	return u.x.In[u.x.Head:u.end]
}

// replayable reports whether the body can be sent once more from its first byte.
func (u *upload) replayable() bool {
	return !u.streams || u.fault.status == 0 && !u.lost && (u.size == u.lead || u.holds)
}

// complete reports whether all of the body was read, so that another request may
// follow.
func (u *upload) complete() bool { return !u.streams || u.sent }

// begin starts sending what did not go with the head.
func (u *upload) begin() {
	u.sent, u.resends, u.begun = false, u.begun, true
	if !u.resends && u.rush() {
		u.sent = true
		u.x.peer.Rearm(uploading, conn.After(conn.Now(), u.answerTimeout))
		return
	}
	u.stopping.Store(false)
	u.running = true
	u.x.client.Uploading(true)
	go u.start()
}

// rush sends what can be sent without waiting for anybody, and reports whether that was
// all: a body that is there already costs no goroutine.
func (u *upload) rush() bool {
	if u.x.Request.Chunked || u.left > minMoved {
		return false
	}
	for {
		data := u.raw[u.next:]
		n := u.x.peer.TryWrite(data)
		u.next += n
		u.took(int64(n))
		u.hold(data[:n])
		switch {
		case u.left == 0:
			u.read.Store(true)
			return true
		case n < len(data):
			return false
		}
		u.raw, u.next = u.raw[:0], 0
		n = u.x.client.TryRead(u.raw[:min(int64(cap(u.raw)), u.left)])
		if n == 0 {
			return false
		}
		u.raw = u.raw[:n]
	}
}

// minMoved is how much of a request's body has to be left, in bytes, for moving it
// inside the kernel to pay.
const minMoved = 128 << 10

// finish waits for the end of a body whose last byte has been read, and stops sending
// any other.
func (u *upload) finish() {
	if u.running && u.read.Load() {
		<-u.done
		u.running = false
	}
	u.stop()
}

// stop ends sending, in which the connection to the instance is lost, and reports
// whether the client was at fault, which is the exchange's fault then.
func (u *upload) stop() bool {
	if u.running {
		u.stopping.Store(true)
		u.x.client.StopReading()
		u.x.peer.Interrupt()
		<-u.done
		u.running = false
		u.x.client.Resume()
	}
	if u.streams && u.fault.status != 0 {
		u.x.fault = u.fault
		return true
	}
	return false
}

// release leaves in x.In what the client has sent beyond the body.
func (u *upload) release() {
	x := u.x
	if !u.streams {
		x.In = x.In[:copy(x.In, x.In[u.end:])]
		return
	}
	x.In = append(x.In[:0], u.raw[u.next:]...)
	for i, b := range u.bulk {
		if b != nil {
			bulk.Put(b)
			u.bulk[i] = nil
		}
	}
	u.raw, u.out, u.held, u.streams = nil, nil, nil, false
}

// pump is the goroutine.
func (u *upload) pump() {
	x := u.x
	peer := x.peer
	err := u.copy()
	x.client.Rearm(u.armed, conn.Never)
	switch {
	case u.stopping.Load():
	case u.fault.status != 0:
		peer.Interrupt() // what was sent is not a whole request
	default:
		u.sent = err == nil
		// The time for the response begins, unless that has begun. An instance that
		// takes no more may have answered.
		peer.Rearm(uploading, conn.After(conn.Now(), u.answerTimeout))
	}
	x.client.Uploading(false)
	u.done <- struct{}{}
}

// copy sends the body. An error with no fault is the instance's.
func (u *upload) copy() error {
	x := u.x
	if err := u.resend(); err != nil {
		return err
	}
	for !u.read.Load() {
		u.armed = conn.After(conn.Now(), u.timeout)
		if !x.client.Arm(u.armed, conn.Busy) {
			if u.next < len(u.raw) { // it was reading that took too long
				u.fault = stalled
			}
			return os.ErrDeadlineExceeded
		}
		var err error
		switch {
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
	switch {
	case !u.resends:
		return nil
	case !u.x.Request.Chunked:
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

// fill reads more from the client.
func (u *upload) fill() error {
	if u.next > 0 {
		u.raw = u.raw[:copy(u.raw, u.raw[u.next:])]
		u.next = 0
	}
	u.more = false
	n, err := u.x.client.Read(u.raw[len(u.raw):cap(u.raw)])
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
	case err == nil, x.peer.HungUp(), x.client.Interrupted() && x.client.Readable():
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
		u.fault = left
	}
}

// The client's faults.
var (
	stalled = fault{status: 408, reason: "the request's body did not arrive in time"}
	left    = fault{status: 499}
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
