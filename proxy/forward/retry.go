package forward

import "time"

// maxResends is how many tries an exchange may make after one that had sent bytes.
// Each may run the request's work once more, so they are few.
const maxResends = 3

// maxReconnects is how many idle connections found closed an exchange may replace
// on the same instance before it goes on to another one.
const maxReconnects = 3

// outcome is how a try ended.
type outcome string

const (
	answered       outcome = "answered"        // a response head arrived
	connectFailed  outcome = "connect failed"  // refused, unreachable or the like; nothing was sent
	connectTimeout outcome = "connect timeout" // its share of the time to connect was spent; nothing was sent
	unsent         outcome = "unsent"          // an idle connection was closed already; nothing was sent
	broken         outcome = "broken"          // bytes were sent, the connection ended before a response head
	timeout        outcome = "timeout"         // bytes were sent, no response head in time
	aborted        outcome = "aborted"         // the client left, or its request body was at fault
)

// verdict is what an exchange does after a try that was not answered.
type verdict int

const (
	giveUp      verdict = iota
	nextUntried         // try an instance that was not tried; without one, give up
	otherIfAny          // try an instance that was not tried; without one, any
	anyInstance         // try any, as if this try had not been
)

// policy decides about one exchange's tries (design: An exchange, 2).
type policy struct {
	idempotent bool          // RFC 9110, 9.2.2
	connect    time.Duration // what is left for connecting, all tries together

	resends    int
	reconnects int
}

// connectShare is how much time the next try has for connecting: half of what is
// left, so that one host that does not answer leaves time for others.
func (p *policy) connectShare() time.Duration { return p.connect / 2 }

// minConnect is when what is left of the time for connecting is not worth a try.
const minConnect = time.Millisecond

// idempotent reports whether RFC 9110, 9.2.2 lets a method's request be repeated.
func idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return false
}

// next decides what follows a try that ended in o. connecting is the time that it
// spent on the connection, replayable reports whether the request's body, if any, can
// be sent once more from its first byte; it may wait for the client and is asked last.
func (p *policy) next(o outcome, connecting time.Duration, replayable func() bool) verdict {
	p.connect -= connecting
	switch o {
	case connectFailed, connectTimeout:
		// It has cost nothing but time, whatever the method.
		if p.connect > minConnect && replayable() {
			return nextUntried
		}
	case unsent:
		// Neither has this, and the instance may be well: only an idle connection
		// to it had gone.
		if p.reconnects < maxReconnects && p.connect > minConnect && replayable() {
			p.reconnects++
			return anyInstance
		}
	case broken:
		if p.idempotent && p.resends < maxResends && p.connect > minConnect && replayable() {
			p.resends++
			return otherIfAny
		}
	case timeout:
		// The instance has the request and is slow: to ask another would add to
		// the load that made it slow.
	}
	return giveUp
}
