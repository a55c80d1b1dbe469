// Package forward is one exchange: it chooses an instance, tries, retries and
// relays the response as it streams.
package forward

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"time"

	"formation/proxy/fleet"
)

// Recorder counts what happens to exchanges. Its methods are called from many
// goroutines and must not block.
type Recorder interface {
	// Exchange: an exchange got a response head with this status, from an instance
	// or from the proxy itself.
	Exchange(status int)
	// Try: a try ended so; the reasons are a small fixed set.
	Try(reason string)
	// Broken: an exchange failed after bytes of it had been sent to an instance.
	Broken()
}

// Options are what Handler needs.
type Options struct {
	Fleet          *fleet.Fleet[*Link]
	ConnectTimeout time.Duration  // for connecting, all tries of an exchange together
	TrustedProxies []netip.Prefix // whose forwarding headers are believed
	Recorder       Recorder
	Log            *slog.Logger
}

// statusClientClosed is nginx's number for a client that left before the answer.
// It is counted and never sent.
const statusClientClosed = 499

// Handler forwards requests to the fleet.
func Handler(o Options) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			// The instance's link knows its address; the URL only has to be whole.
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "instance"
			r.Out.Host = r.In.Host
			r.Out.URL.RawQuery = r.In.URL.RawQuery // as it came, unparsable parts too
			setForwarded(r.Out.Header, r.In, trusted(o.TrustedProxies, r.In.RemoteAddr))
		},
		Transport:     &roundTripper{fleet: o.Fleet, connect: o.ConnectTimeout, recorder: o.Recorder},
		FlushInterval: -1, // relay as it streams
		ModifyResponse: func(res *http.Response) error {
			o.Recorder.Exchange(res.StatusCode)
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			status := statusOf(err)
			o.Recorder.Exchange(status)
			if errors.Is(err, errBroken) || errors.Is(err, errTimeout) {
				o.Recorder.Broken()
			}
			if status == statusClientClosed {
				panic(http.ErrAbortHandler) // or net/http would end it with an empty 200
			}
			o.Log.Debug("exchange failed", "method", r.Method, "path", r.URL.Path, "status", status, "error", err.Error())
			if status == http.StatusServiceUnavailable {
				w.Header().Set("Retry-After", "1")
			}
			http.Error(w, http.StatusText(status), status)
		},
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
}

// statusOf maps what ended an exchange to the status that the client sees.
func statusOf(err error) int {
	switch {
	case errors.Is(err, errNoInstance), errors.Is(err, errUnreached):
		return http.StatusServiceUnavailable // no instance has seen it: it may be asked again
	case errors.Is(err, errTimeout):
		return http.StatusGatewayTimeout
	case errors.Is(err, errClient):
		return http.StatusBadRequest
	case errors.Is(err, context.Canceled):
		return statusClientClosed
	default:
		return http.StatusBadGateway
	}
}
