package discovery

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/miekg/dns"
)

var (
	errNotAnswer = errors.New("the message is not an answer to the question")
	errCut       = errors.New("the answer does not fit into a message, use Consul's HTTP API")
)

// dnsLine asks a DNS server over one TCP connection that lasts (RFC 7766, section
// 6.2.1), and calls anew when that has ended. A server may end it after some idle
// seconds or some questions; that is no failure.
type dnsLine struct {
	server string
	dial   func(ctx context.Context, server string) (net.Conn, error) // nil means TCP
	conn   *dns.Conn                                                  // nil before the first question and after a failure
}

// exchange asks one question. Whatever the answer's code, an answer is no error.
func (l *dnsLine) exchange(ctx context.Context, name string, qtype uint16) (*dns.Msg, error) {
	reused := l.conn != nil
	reply, err := l.try(ctx, name, qtype)
	if err != nil && reused && ctx.Err() == nil {
		reply, err = l.try(ctx, name, qtype)
	}
	return reply, err
}

func (l *dnsLine) try(ctx context.Context, name string, qtype uint16) (*dns.Msg, error) {
	if l.conn == nil {
		conn, err := l.call(ctx)
		if err != nil {
			return nil, err
		}
		l.conn = &dns.Conn{Conn: conn}
	}
	conn := l.conn
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()

	question := new(dns.Msg).SetQuestion(name, qtype)
	client := dns.Client{Net: "tcp", Timeout: dnsTimeout}
	reply, _, err := client.ExchangeWithConn(question, conn)
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case err != nil:
		err = withoutSource(err)
	case !reply.Response || len(reply.Question) != 1 || !sameQuestion(reply.Question[0], question.Question[0]):
		err = errNotAnswer
	case reply.Truncated:
		err = errCut
	}
	if err != nil {
		l.hangUp()
		return nil, err
	}
	return reply, nil
}

func (l *dnsLine) call(ctx context.Context) (net.Conn, error) {
	if l.dial != nil {
		return l.dial(ctx, l.server)
	}
	d := net.Dialer{Timeout: dnsTimeout}
	return d.DialContext(ctx, "tcp", l.server)
}

// hangUp ends the connection, if there is one.
func (l *dnsLine) hangUp() {
	if l.conn != nil {
		_ = l.conn.Close()
		l.conn = nil
	}
}

func sameQuestion(a, b dns.Question) bool {
	return a.Qtype == b.Qtype && a.Qclass == b.Qclass && strings.EqualFold(a.Name, b.Name)
}
