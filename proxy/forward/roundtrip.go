package forward

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"formation/proxy/fleet"
)

// Errors that end an exchange without a response from an instance.
var (
	errNoInstance = errors.New("no instance")
	errUnreached  = errors.New("no instance accepted a connection")
	errBroken     = errors.New("the connection to the instance broke after the request was sent")
	errTimeout    = errors.New("the instance did not answer in time")
	errClient     = errors.New("the request's body could not be read")
	errSwitch     = errors.New("the instance switched to a protocol that was not asked for")
)

// roundTripper chooses, tries and retries (design: An exchange, 1 and 2).
type roundTripper struct {
	fleet    *fleet.Fleet[*Link]
	connect  time.Duration
	recorder Recorder
}

// RoundTrip is http.RoundTripper's.
func (rt *roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	p := policy{idempotent: idempotent(req.Method), connect: rt.connect}
	var body *heldBody
	if req.Body != nil && req.Body != http.NoBody {
		body = &heldBody{src: req.Body}
	}
	replayable := func() bool { return body == nil || body.replayable() }

	var tried []*fleet.Instance[*Link]
	repeat := false // an instance that was tried will do where there is no other
	last := errNoInstance
	for {
		i, ok := rt.fleet.Claim(tried...)
		if !ok && repeat {
			i, ok = rt.fleet.Claim()
		}
		if !ok {
			return nil, last
		}
		try := req
		if body != nil {
			try = req.WithContext(req.Context())
			try.Body = body.begin()
		}
		res, t, stop, err := send(try, i.Pool, p.connectShare())
		o := t.outcome(err)
		if err == nil && !switchAskedFor(req, res) {
			_ = res.Body.Close()
			o, err = broken, errSwitch
		}
		if err == nil {
			rt.recorder.Try(string(answered))
			res.Body = rt.relayed(req, res, func() { stop(); i.Release() })
			return res, nil
		}
		stop()
		i.Release()

		if body != nil && body.fault() != nil {
			rt.recorder.Try(string(aborted))
			return nil, fmt.Errorf("%w: %w", errClient, body.fault())
		}
		if ctxErr := req.Context().Err(); ctxErr != nil {
			rt.recorder.Try(string(aborted))
			return nil, ctxErr
		}
		rt.recorder.Try(string(o))

		if o == connectFailed || o == connectTimeout {
			rt.fleet.ConnectFailed(i)
		}
		if !errors.Is(last, errBroken) { // once it was sent, that is what counts
			last = fmt.Errorf("%w: %s: %w", o.err(), i.Addr, err)
		}
		switch v := p.next(o, t.connecting, replayable); v {
		case giveUp:
			return nil, last
		case nextUntried, otherIfAny:
			tried, repeat = append(tried, i), v == otherIfAny
		case anyInstance:
			i.Pool.CloseIdle() // where one idle connection has gone, more may have
		}
	}
}

// switchAskedFor reports whether a 101 response is to the protocol that the request
// asked for (RFC 9110, 15.2.2); other responses are fine.
func switchAskedFor(req *http.Request, res *http.Response) bool {
	asked, got := req.Header.Get("Upgrade"), res.Header.Get("Upgrade")
	return res.StatusCode != http.StatusSwitchingProtocols || asked != "" && strings.EqualFold(asked, got)
}

// relayed is res's body, which calls done with its last byte.
func (rt *roundTripper) relayed(req *http.Request, res *http.Response, done func()) io.ReadCloser {
	if both, ok := res.Body.(io.ReadWriteCloser); ok && res.StatusCode == http.StatusSwitchingProtocols {
		return &tunnel{both, done}
	}
	return &responseBody{res.Body, func(error) {
		if req.Context().Err() == nil {
			rt.recorder.Broken()
		}
	}, done}
}

// err is the exchange's error when its last try ended in o.
func (o outcome) err() error {
	switch o {
	case broken:
		return errBroken
	case timeout:
		return errTimeout
	default:
		return errUnreached
	}
}
