package forward

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"formation/proxy/upstream"
)

func TestHowATryEnded(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	unanswered := &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}
	slow := &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}
	cases := []struct {
		name string
		conn *upstream.Conn // that it got; nil for none
		sent bool
		err  error
		want outcome
	}{
		{"with a response", new(upstream.Conn), true, nil, answered},
		{"refused", nil, false, refused, connectFailed},
		{"refused after an idle connection that had closed", new(upstream.Conn), false, refused, connectFailed},
		{"not answered in time", nil, false, unanswered, connectTimeout},
		{"out of time to connect", nil, false, errConnectTime, connectTimeout},
		{"on an idle connection that had closed", new(upstream.Conn), false, errors.New("closed"), unsent},
		{"broken after bytes were sent", new(upstream.Conn), true, io.EOF, broken},
		{"about to be sent again by the transport", new(upstream.Conn), true, errResend, broken},
		{"refused when it was to be sent again", new(upstream.Conn), true, refused, broken},
		{"without a response in time", new(upstream.Conn), true, fmt.Errorf("read: %w", slow), timeout},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ended := try{conn: c.conn, sent: c.sent}
			if got := ended.outcome(c.err); got != c.want {
				t.Errorf("outcome is %q, want %q", got, c.want)
			}
		})
	}
}
