package forward

import (
	"sync"
	"sync/atomic"
	"time"

	"formation/proxy/conn"
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
	streams bool // not all of it came with the head
	end     int  // of what did, in x.In

	max           int64         // bytes; 0: any
	timeout       time.Duration // without progress
	answerTimeout time.Duration // for the response, from the last byte

	size  int64  // read from the client so far
	lead  int64  // of that, what was sent with the head
	holds bool   // what was read, for another try
	held  []byte // it
	lost  bool   // not all that was read is held

	left   int64     // to be read, of a body with a length
	chunks rechunker // of one without
	raw    []byte    // raw[next:] was read from the client and not looked at yet
	next   int
	more   bool   // what is in raw needs more after it to be understood
	out    []byte // chunks, written anew
	bulk   [3]*[bulkSize]byte
	splice conn.Splice

	start    func() // pump, bound once: starting it allocates nothing
	begun    bool
	resends  bool // begins with what an earlier try has read
	running  bool // the goroutine
	done     chan struct{}
	stopping atomic.Bool
	read     atomic.Bool // the whole body was read from the client

	// The goroutine's, until it is done.
	armed int64 // the deadline that it has set
	sent  bool  // the whole body was sent
	panic any
	fault fault // the client's
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
	u.fault, u.sent, u.panic, u.splice = fault{}, false, nil, conn.Splice{}
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
	again := u.begun
	u.sent, u.begun, u.resends = false, true, again && (u.size > u.lead || u.read.Load())
	if !again && u.rush() {
		u.sent = true
		if !u.holds {
			u.free() // for the next one, while it is in the processor's cache
		}
		u.x.peer.Rearm(u.x.uploading, conn.After(conn.Now(), u.answerTimeout))
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
		u.raw = u.raw[:u.x.client.TryRead(u.raw[:min(int64(cap(u.raw)), u.left)])]
		if len(u.raw) == 0 {
			return false
		}
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
	u.halt()
	if u.panic != nil {
		panic(u.panic) // who serves the client says so
	}
	if u.streams && u.fault.status != 0 {
		u.x.fault = u.fault
		return true
	}
	return false
}

// halt ends the goroutine.
func (u *upload) halt() {
	if u.running {
		u.stopping.Store(true)
		u.x.client.StopReading()
		u.x.peer.Interrupt()
		<-u.done
		u.running = false
		u.x.client.Resume()
	}
}

// release leaves in x.In what the client has sent beyond the body.
func (u *upload) release() {
	x := u.x
	if !u.streams {
		x.In = x.In[:copy(x.In, x.In[u.end:])]
		return
	}
	x.In = append(x.In[:0], u.raw[u.next:]...)
	u.free()
	u.streams = false
}

// free gives the buffers back.
func (u *upload) free() {
	for i, b := range u.bulk {
		if b != nil {
			bulk.Put(b)
			u.bulk[i] = nil
		}
	}
	u.raw, u.out, u.held, u.next = nil, nil, nil, 0
}
