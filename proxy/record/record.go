// Package record is what is known of exchanges once they have ended: for metrics,
// which count them, and for the access log, which writes them down.
package record

import "time"

// Exchange is one exchange. Its slices are parts of buffers that are used again:
// they hold until whoever was given it returns.
type Exchange struct {
	Client    string        // the client's IP address
	Method    []byte        // empty when the request's head was not whole
	Target    []byte        // path and query; empty when the request's head was not whole
	RequestID []byte        // kept or made
	Status    int           // of the response; StatusClientClosed: none was sent
	In, Out   int64         // bytes from and to the client, heads included
	Took      time.Duration // from the request's head to the response's last byte
	Upstream  time.Duration // of that, from sending the last try to the head of its response; 0: there was none
	Tries     int           // on instances
	Instance  string        // ID of the last one tried; empty: none
	Broken    bool          // it failed after bytes of it had been sent to an instance
}

// StatusClientClosed is nginx's number for a client that left before the answer.
// It is recorded and never sent.
const StatusClientClosed = 499

// Outcome is how a try, one attempt of an exchange on one instance, ended.
type Outcome uint8

// The outcomes of a try.
const (
	Answered       Outcome = iota // a response head arrived
	ConnectFailed                 // refused, unreachable or the like; nothing was sent
	ConnectTimeout                // its share of the time to connect was spent; nothing was sent
	Unsent                        // an idle connection was closed already; nothing was sent
	Broken                        // bytes were sent, the connection ended before a response head
	Malformed                     // what came back is not HTTP, or not a response to this request
	Timeout                       // bytes were sent, no response head in time
	Aborted                       // the client left, or its request body was at fault
)

// Outcomes are all there are.
func Outcomes() []Outcome {
	return []Outcome{Answered, ConnectFailed, ConnectTimeout, Unsent, Broken, Malformed, Timeout, Aborted}
}

// String is the outcome in words, as metrics label it.
func (o Outcome) String() string {
	switch o {
	case Answered:
		return "answered"
	case ConnectFailed:
		return "connect failed"
	case ConnectTimeout:
		return "connect timeout"
	case Unsent:
		return "unsent"
	case Broken:
		return "broken"
	case Malformed:
		return "malformed"
	case Timeout:
		return "timeout"
	default:
		return "aborted"
	}
}

// Meter counts what happens on one instance, or where none was reached. It is called
// from many goroutines and neither blocks nor allocates.
type Meter interface {
	// Exchange: an exchange has ended whose last try was on this instance.
	Exchange(*Exchange)
	// Try: a try on this instance has ended so.
	Try(Outcome)
}
