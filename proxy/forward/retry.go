package forward

import (
	"time"

	"formation/proxy/record"
)

// maxResends is how many tries an exchange may make after one that had sent bytes.
// Each may run the request's work once more, so they are few.
const maxResends = 3

// maxReconnects is how many idle connections found closed an exchange may replace
// on the same instance before it goes on to another one.
const maxReconnects = 3

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

// next decides what follows a try that ended in o. connecting is the time that it
// spent on the connection, replayable whether the request's body, if any, can be sent
// once more from its first byte, and nothing of a response has been relayed.
func (p *policy) next(o record.Outcome, connecting time.Duration, replayable bool) verdict {
	p.connect -= connecting
	switch o {
	case record.ConnectFailed, record.ConnectTimeout:
		// It has cost nothing but time, whatever the method.
		if p.connect > minConnect && replayable {
			return nextUntried
		}
	case record.Unsent:
		// Neither has this, and the instance may be well: only an idle connection
		// to it had gone.
		if p.reconnects < maxReconnects && p.connect > minConnect && replayable {
			p.reconnects++
			return anyInstance
		}
	case record.Broken:
		if p.idempotent && p.resends < maxResends && p.connect > minConnect && replayable {
			p.resends++
			return otherIfAny
		}
	case record.Timeout:
		// The instance has the request and is slow: to ask another would add to
		// the load that made it slow.
	case record.Malformed:
		// The instance has done the work; what it says will not be better elsewhere.
	}
	return giveUp
}
