package forward

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"formation/proxy/conn"
	"formation/proxy/fleet"
	"formation/proxy/http1"
	"formation/proxy/record"
)

// The sizes of an exchange's buffers, in bytes. Heads that are larger get larger
// buffers, as far as their bound allows.
const (
	inSize  = 8 << 10
	upSize  = 16 << 10
	outSize = upSize + 2<<10 // what is written anew may be a little longer
)

// Exchange is the workspace of one exchange: all it needs, from one pool. Who waits
// for a request has none.
type Exchange struct {
	Request http1.Request
	In      []byte // what the client has sent; the request's head is at its start
	Head    int    // its length
	Ended   int64  // when the last exchange did, on conn's clock

	client   *Client
	closing  *atomic.Bool // the client is to be asked to leave
	began    int64
	record   record.Exchange
	id       [32]byte // the request's, where it had none
	fault    fault    // why there is no response
	relayed  bool     // something of a response has gone to the client
	upload   upload
	response http1.Response
	body     http1.Framing // of the response's body
	left     int64         // to be relayed of one with a length
	chunks   rechunker     // one in chunks
	splice   conn.Splice
	out      []byte                // what is to be sent next, to either side
	tell     func(fd uintptr) bool // tryTell, bound once
	told     told

	policy     policy
	tried      []*fleet.Instance[*Link]
	repeat     bool                   // an instance that was tried will do where there is no other
	instance   *fleet.Instance[*Link] // the last one tried
	claimed    *fleet.Instance[*Link] // the same, while its claim is held
	peer       *conn.Conn             // to the instance
	reused     bool                   // it has served another exchange
	exhausted  bool                   // no connection for want of something on this machine
	connecting time.Duration          // how long that took
	sent       int64                  // when the request was
	ask        func(fd uintptr) bool  // tryAsk, bound once
	asked      asked
	uploading  int64  // the deadline of peer while the bounds are the client's
	up         []byte // what the instance has sent, at first with the response's head
	upHead     int    // the length of that head
	next       int    // of up: what is before it was relayed
	upEnded    bool   // the instance has ended its side
}

// Workspaces that nobody uses. What is in them is nobody's.
var workspaces = sync.Pool{New: func() any {
	x := &Exchange{
		In:  make([]byte, 0, inSize),
		up:  make([]byte, 0, upSize),
		out: make([]byte, 0, outSize),
	}
	x.ask, x.tell = x.tryAsk, x.tryTell
	x.upload.init(x)
	return x
}}

// Get returns a workspace.
func Get() *Exchange { return workspaces.Get().(*Exchange) }

// Put takes one back.
func Put(x *Exchange) {
	if cap(x.In) == inSize && cap(x.up) == upSize && cap(x.out) == outSize {
		x.In = x.In[:0]
		x.Request.Reset()
		workspaces.Put(x)
	}
}

// begin makes x ready for the exchange whose request it holds.
func (x *Exchange) begin(c *Client, closing *atomic.Bool) {
	x.client, x.closing = c, closing
	x.began = conn.Now()
	x.record = record.Exchange{Client: c.Addr, In: int64(x.Head)}
	x.fault, x.relayed = fault{}, false
	x.tried, x.repeat, x.instance, x.peer = x.tried[:0], false, nil, nil
	x.splice, x.upEnded = conn.Splice{}, false
}

// request notes what the request's head says.
func (x *Exchange) request() {
	r := &x.Request
	x.record.Method = r.Method.Of(x.In)
	x.record.Target = r.Path.Of(x.In)
	if r.RequestID.Len() > 0 {
		x.record.RequestID = r.RequestID.Of(x.In)
		return
	}
	var random [16]byte
	binary.NativeEndian.PutUint64(random[:8], rand.Uint64())
	binary.NativeEndian.PutUint64(random[8:], rand.Uint64())
	hex.Encode(x.id[:], random[:])
	x.record.RequestID = x.id[:]
}

// meter counts for the instance that was tried last.
func (x *Exchange) meter(f *Forwarder) record.Meter {
	if x.instance == nil {
		return f.Unreached
	}
	return x.instance.Pool.Meter
}

// drop closes the connection to the instance.
func (x *Exchange) drop() {
	if x.peer != nil {
		x.peer.Close()
		x.peer = nil
	}
}

// release ends the claim.
func (x *Exchange) release() {
	if x.claimed != nil {
		x.claimed.Release()
		x.claimed = nil
	}
}

// Abandon gives back what an exchange holds that has ended in a panic. Its workspace is
// not to be used any more.
func (x *Exchange) Abandon() {
	x.upload.halt()
	x.drop()
	x.release()
}

// grow makes room for more of a head in b, which is full.
func grow(b []byte, limit int) []byte {
	larger := make([]byte, len(b), min(2*cap(b), limit+1))
	copy(larger, b)
	return larger
}

// Ending is how a client's connection goes on after an exchange.
type Ending uint8

// The endings.
const (
	Again  Ending = iota // the next request may follow
	Close                // it is at its end
	Cut                  // it has to end so that the client can tell that something is missing
	Linger               // it is at its end, but the client may still be sending
	Abort                // it has to be reset, or the client takes what it got for all
)
