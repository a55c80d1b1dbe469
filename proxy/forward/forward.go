// Package forward is one exchange: it chooses an instance, tries, retries and
// relays, both ways, as it streams.
package forward

import (
	"sync/atomic"
	"time"

	"formation/proxy/conn"
	"formation/proxy/fleet"
	"formation/proxy/record"
	"formation/proxy/upstream"
)

// Options are what a Forwarder needs.
type Options struct {
	Fleet *fleet.Fleet[*Link]

	ConnectTimeout  time.Duration // for connecting, all tries of an exchange together
	ResponseTimeout time.Duration // from a request's last byte to its response's first; 0: no bound
	BodyTimeout     time.Duration // without progress of a body; 0: no bound
	TunnelTimeout   time.Duration // without a byte in a tunnel; 0: no bound
	MaxBodyBytes    int64         // of a request's body; 0: any
	MaxHeaderBytes  int           // of a response's head

	Unreached record.Meter           // counts exchanges that reached no instance
	Log       func(*record.Exchange) // is told of every exchange; nil: nobody is
}

// Forwarder carries exchanges out. It is safe for use by many goroutines.
type Forwarder struct{ Options }

// New returns a Forwarder.
func New(o Options) *Forwarder { return &Forwarder{o} }

// Link is what the proxy has towards one instance. It is a fleet.Pool.
type Link struct {
	*upstream.Pool
	Meter record.Meter
}

// Client is one client's connection.
type Client struct {
	*conn.Conn
	Addr    string // its IP address
	Trusted bool   // it is a proxy whose forwarding fields are believed
}

// Do carries out the exchange whose request's head x holds. While closing, the client is
// asked to come back on another connection. It reports how this one goes
// on; x.In is what the client has sent beyond the exchange.
func (f *Forwarder) Do(x *Exchange, c *Client, closing *atomic.Bool) Ending {
	x.begin(c, closing)
	x.request()
	x.upload.prepare(x, f)
	var ending Ending
	if f.answered(x) {
		ending = f.relay(x)
	} else {
		ending = x.giveUp()
	}
	f.end(x)
	x.release() // not before it is recorded: an instance that drains is gone then
	x.upload.release()
	x.Request.Reset()
	return ending
}

// Refuse answers a request that cannot be carried out, because its head is at fault.
func (f *Forwarder) Refuse(x *Exchange, c *Client, status int, reason string) {
	var always atomic.Bool
	always.Store(true)
	x.begin(c, &always)
	x.answer(status, reason)
	f.end(x)
}

// end records the exchange.
func (f *Forwarder) end(x *Exchange) {
	x.record.Took = time.Duration(x.Ended - x.began)
	x.meter(f).Exchange(&x.record)
	if f.Log != nil {
		f.Log(&x.record)
	}
}

// answered makes tries until one is answered (design: An exchange), or there is nothing
// left to try.
func (f *Forwarder) answered(x *Exchange) bool {
	if f.MaxBodyBytes > 0 && x.Request.Length > f.MaxBodyBytes {
		x.fault = tooLarge
		return false
	}
	x.writeRequest()
	x.policy = policy{idempotent: x.Request.Idempotent, connect: f.ConnectTimeout}
	for f.claim(x) {
		outcome := f.send(x)
		if outcome == record.Answered {
			outcome = f.readHead(x)
		}
		x.instance.Pool.Meter.Try(outcome)
		if outcome == record.Answered {
			return true
		}
		if !f.again(x, outcome) {
			return false
		}
	}
	return false
}

// claim claims an instance that was not tried, or one that was where that may be.
func (f *Forwarder) claim(x *Exchange) (ok bool) {
	i, ok := f.Fleet.Claim(x.tried...)
	if !ok && x.repeat {
		i, ok = f.Fleet.Claim()
	}
	if ok {
		x.instance, x.claimed = i, i
	}
	return ok
}

// again ends a try that was not answered, and reports whether there may be another.
func (f *Forwarder) again(x *Exchange, o record.Outcome) bool {
	x.client.Dismiss()
	x.upload.stop()
	x.client.Arm(conn.Never(0), conn.Busy)
	x.drop()
	x.release()
	x.fail(o)
	switch o {
	case record.ConnectFailed, record.ConnectTimeout:
		if !x.exhausted {
			f.Fleet.ConnectFailed(x.instance)
		}
	case record.Unsent, record.Broken:
		x.instance.Pool.CloseIdle() // where one connection has gone, more may have
	}
	v := x.policy.next(o, x.connecting, x.replayable())
	if v == nextUntried || v == otherIfAny {
		x.tried, x.repeat = append(x.tried, x.instance), v == otherIfAny
	}
	return v != giveUp
}

// tooLarge is what a request's body over the bound gets.
var tooLarge = fault{status: 413, reason: "the request's body is too large"}
