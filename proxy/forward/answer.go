package forward

import (
	"net/http"
	"strconv"
	"time"

	"formation/proxy/conn"
	"formation/proxy/record"
)

// fault is why an exchange has no response from an instance.
type fault struct {
	status int // 0: there is none
	reason string
	broken bool // after bytes of the request had been sent
}

// fail notes how a try has failed. Once the request was sent, that is what counts.
func (x *Exchange) fail(o record.Outcome) {
	if x.fault.broken {
		return
	}
	switch o {
	case record.Answered, record.Aborted: // which has its fault already
	case record.Broken:
		x.fault = fault{502, "the instance closed the connection before it answered", true}
	case record.Malformed:
		x.fault = fault{502, "the instance's answer is not HTTP/1.1", true}
	case record.Timeout:
		x.fault = fault{504, "the instance did not answer in time", true}
	default:
		x.fault = fault{503, "no instance accepted a connection", false}
	}
}

// giveUp answers what no try did.
func (x *Exchange) giveUp() Ending {
	if x.fault.status == 0 {
		x.fault = fault{503, "there is no instance to send the request to", false}
	}
	x.record.Broken = x.fault.broken
	return x.answer(x.fault.status, x.fault.reason)
}

// answer sends the proxy's own response, unless the client has left.
func (x *Exchange) answer(status int, reason string) Ending {
	x.record.Status = status
	x.Ended = conn.Now()
	if status == record.StatusClientClosed {
		return Close
	}
	ending := Linger
	if x.upload.complete() && x.Request.KeepAlive && !x.closing.Load() {
		ending = Again
	}
	x.out = appendAnswer(x.out[:0], status, reason, ending != Again, x.Request.Minor == 0, x.Request.Head)
	x.client.Speak()
	x.client.Revive(x.Ended+int64(answerTimeout), conn.Busy) // it may be its time that is over
	n, err := x.client.Write(x.out)
	x.record.Out += int64(n)
	x.client.Dismiss()
	if err != nil {
		return Close
	}
	return ending
}

// answerTimeout is for how long a client may take to take the proxy's own response.
const answerTimeout = 10 * time.Second

// appendAnswer appends a response of the proxy's own.
func appendAnswer(b []byte, status int, reason string, last, old, head bool) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = append(b, http.StatusText(status)...)
	b = append(b, "\r\nDate: "...)
	b = time.Now().UTC().AppendFormat(b, http.TimeFormat)
	b = append(b, "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(reason))+1, 10)
	if status == http.StatusServiceUnavailable {
		b = append(b, "\r\nRetry-After: 1"...)
	}
	switch {
	case last:
		b = append(b, "\r\nConnection: close"...)
	case old:
		b = append(b, "\r\nConnection: keep-alive"...)
	}
	b = append(b, "\r\n\r\n"...)
	if head {
		return b
	}
	b = append(b, reason...)
	return append(b, '\n')
}

// TooMany is what a client gets for whom there is no room.
func TooMany() []byte {
	return appendAnswer(nil, 503, "there are too many connections", true, false, false)
}
