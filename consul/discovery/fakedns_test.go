package discovery

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// fakeDNS is a DNS server. A question that it was not told about fails the test.
type fakeDNS struct {
	t      *testing.T
	pipes  chan net.Conn // to the server, in place of a network
	server *dns.Server
	end    sync.Once

	mu    sync.Mutex
	zone  map[string][]dnsReply // "name type" to its answers in order; the last one stays
	asked []time.Time           // of SRV
	calls int                   // connections
	open  int                   // of these
}

// dnsReply is an answer: records as in a zone file.
type dnsReply struct {
	answer, extra, ns []string
	rcode             int
	spoil             func(*dns.Msg) // what is wrong with it
	raw               []byte         // in place of a message
	ends              bool           // the connection, in place of an answer
	hangs             bool           // no answer
}

// newFakeDNS serves in memory, so it works under synctest.
func newFakeDNS(t *testing.T, zone map[string][]dnsReply) *fakeDNS {
	f := &fakeDNS{t: t, pipes: make(chan net.Conn), zone: zone}
	f.server = &dns.Server{Listener: f, Handler: f}
	done := make(chan error, 1)
	started := make(chan struct{})
	f.server.NotifyStartedFunc = func() { close(started) }
	go func() { done <- f.server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() {
		_ = f.server.Shutdown()
		<-done
	})
	return f
}

func (f *fakeDNS) source() DNS {
	return DNS{Server: "dns.example:53", Service: "apps", Hold: hold, dial: f.dial}
}

func (f *fakeDNS) dial(ctx context.Context, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case f.pipes <- theirs:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	f.open++
	return &line{Conn: ours, hangUp: sync.OnceFunc(func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.open--
	})}, nil
}

// line is a connection whose end is counted.
type line struct {
	net.Conn
	hangUp func()
}

func (l *line) Close() error { l.hangUp(); return l.Conn.Close() }

// Accept, Close and Addr make it a net.Listener.
func (f *fakeDNS) Accept() (net.Conn, error) {
	conn, ok := <-f.pipes
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (f *fakeDNS) Close() error   { f.end.Do(func() { close(f.pipes) }); return nil }
func (f *fakeDNS) Addr() net.Addr { return &net.TCPAddr{} }

func (f *fakeDNS) ServeDNS(w dns.ResponseWriter, question *dns.Msg) {
	r, err := f.take(question)
	if err != nil {
		f.t.Error(err)
	}
	switch {
	case r.hangs:
		return
	case r.ends:
		_ = w.Close()
		return
	case r.raw != nil:
		_, _ = w.Write(r.raw)
		return
	}
	m := new(dns.Msg).SetRcode(question, r.rcode)
	m.Answer, m.Extra, m.Ns = f.records(r.answer), f.records(r.extra), f.records(r.ns)
	if r.spoil != nil {
		r.spoil(m)
	}
	_ = w.WriteMsg(m)
}

func (f *fakeDNS) take(m *dns.Msg) (dnsReply, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	q := m.Question[0]
	if q.Qtype == dns.TypeSRV {
		f.asked = append(f.asked, time.Now())
	}
	key := q.Name + " " + dns.TypeToString[q.Qtype]
	replies := f.zone[key]
	if len(replies) == 0 {
		return dnsReply{rcode: dns.RcodeRefused}, errors.New("a question that is not to be asked: " + key)
	}
	if len(replies) > 1 {
		f.zone[key] = replies[1:]
	}
	return replies[0], nil
}

func (f *fakeDNS) records(lines []string) []dns.RR {
	var all []dns.RR
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			f.t.Error(err)
		}
		all = append(all, rr)
	}
	return all
}

func (f *fakeDNS) count() (questions, calls, open int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.asked), f.calls, f.open
}
