package discovery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

const question = "apps.service.consul. SRV"

// srv is an answer that lists hosts and ports: "a:1 b:2" with TTL 0, weight 1 and
// addresses 10.0.0.<place of the host's letter in the alphabet>.
func srv(places string) dnsReply {
	var r dnsReply
	for place := range strings.FieldsSeq(places) {
		host, port, _ := strings.Cut(place, ":")
		r.answer = append(r.answer, fmt.Sprintf("apps.service.consul. 0 SRV 1 1 %s %s.addr.consul.", port, host))
		r.extra = append(r.extra, fmt.Sprintf("%s.addr.consul. 0 A 10.0.0.%d", host, host[0]-'a'+1))
	}
	return r
}

func srvOnly(places string) dnsReply {
	r := srv(places)
	r.extra = nil
	return r
}

func answers(records ...string) dnsReply { return dnsReply{answer: records} }

var (
	nothing  = dnsReply{rcode: dns.RcodeNameError}
	servfail = dnsReply{rcode: dns.RcodeServerFailure}
)

func TestDNS(t *testing.T) {
	for _, c := range []struct {
		name    string
		zone    map[string][]dnsReply
		publish []string
		logs    []string // texts that one line has all of
	}{
		{"publishes what changes, and not the order", map[string][]dnsReply{
			question: {srv("a:1 b:2"), srv("b:2 a:1"), srv("b:2 a:1 c:3"), srv("c:3 a:1")},
		}, []string{"dns: 10.0.0.1:1 10.0.0.2:2", "dns: 10.0.0.1:1 10.0.0.2:2 10.0.0.3:3", "dns: 10.0.0.1:1 10.0.0.3:3"}, nil},
		{"takes IPv6 addresses too", map[string][]dnsReply{
			question: {{answer: srv("a:1").answer, extra: []string{"a.addr.consul. 0 AAAA ::1"}}},
		}, []string{"dns: [::1]:1"}, nil},
		{"prefers IPv4, so that none counts twice", map[string][]dnsReply{
			question: {{answer: srv("a:1").answer, extra: []string{"a.addr.consul. 0 AAAA ::1", "a.addr.consul. 0 A 10.0.0.1"}}},
		}, []string{"dns: 10.0.0.1:1"}, nil},
		{"compares names without their case", map[string][]dnsReply{
			question: {{answer: srv("a:1").answer, extra: []string{"A.Addr.Consul. 0 A 10.0.0.1"}}},
		}, []string{"dns: 10.0.0.1:1"}, nil},
		{"asks for addresses that were not added, once per name", map[string][]dnsReply{
			question:            {srvOnly("a:1 a:2")},
			"a.addr.consul. A":  {answers("a.addr.consul. 0 CNAME b.example.", "b.example. 0 A 10.9.9.9"), answers("a.addr.consul. 0 A 10.9.9.9")},
			"a.addr.consul. NS": nil,
		}, []string{"dns: 10.9.9.9:1 10.9.9.9:2"}, nil},
		{"asks for IPv6 where there is no IPv4", map[string][]dnsReply{
			question:              {srvOnly("a:1")},
			"a.addr.consul. A":    {{}},
			"a.addr.consul. AAAA": {answers("a.addr.consul. 0 AAAA ::1")},
		}, []string{"dns: [::1]:1"}, nil},
		{"makes an instance of each address", map[string][]dnsReply{
			question: {{answer: srv("a:1").answer, extra: []string{"a.addr.consul. 0 A 10.0.0.1", "a.addr.consul. 0 A 10.0.0.2"}}},
		}, []string{"dns: 10.0.0.1:1 10.0.0.2:1"}, nil},
		{"lists one address once", map[string][]dnsReply{
			question: {srv("a:1 a:1")},
		}, []string{"dns: 10.0.0.1:1"}, nil},
		{"skips a name without an address, and says so once", map[string][]dnsReply{
			question:              {{answer: srv("a:1 b:2").answer, extra: srv("a:1").extra}},
			"b.addr.consul. A":    {nothing},
			"b.addr.consul. AAAA": {nothing},
		}, []string{"dns: 10.0.0.1:1"}, []string{"skipped|b.addr.consul.|no address"}},
		{"skips a name that the server refuses to look up", map[string][]dnsReply{
			question:              {{answer: srv("a:1 b:2").answer, extra: srv("a:1").extra}},
			"b.addr.consul. A":    {{rcode: dns.RcodeRefused}},
			"b.addr.consul. AAAA": {{rcode: dns.RcodeRefused}},
		}, []string{"dns: 10.0.0.1:1"}, []string{"skipped|b.addr.consul.|no address"}},
		{"keeps a name's addresses while the server fails to look it up", map[string][]dnsReply{
			question:           {srvOnly("a:1"), srvOnly("a:1"), srvOnly("a:1 a:2")},
			"a.addr.consul. A": {answers("a.addr.consul. 0 A 10.9.9.9"), servfail},
		}, []string{"dns: 10.9.9.9:1", "dns: 10.9.9.9:1 10.9.9.9:2"}, nil},
		{"skips port 0, and says so once", map[string][]dnsReply{
			question: {srv("a:1 b:0")},
		}, []string{"dns: 10.0.0.1:1"}, []string{"skipped|b.addr.consul.|port 0"}},
		{"takes the target that is a dot for no instance", map[string][]dnsReply{
			question: {answers("apps.service.consul. 0 SRV 0 0 0 .")},
		}, []string{"dns:"}, nil},
		{"publishes that there is nothing", map[string][]dnsReply{
			question: {nothing, srv("a:1")},
		}, []string{"dns:", "dns: 10.0.0.1:1"}, nil},
		{"holds what an empty answer leaves out", map[string][]dnsReply{
			question: {srv("a:1"), nothing},
		}, []string{"dns: 10.0.0.1:1", "dns: 10.0.0.1:1?", "dns:"}, []string{"no longer listed|unconfirmed=1", "no instance is held"}},
		{"keeps the last good set while the server fails, and holds then", map[string][]dnsReply{
			question: {srv("a:1 b:1"), servfail, servfail, servfail, srv("a:1")},
		}, []string{"dns: 10.0.0.1:1 10.0.0.2:1", "dns!: 10.0.0.1:1 10.0.0.2:1", "dns: 10.0.0.1:1 10.0.0.2:1?", "dns: 10.0.0.1:1"},
			[]string{"does not answer|SERVFAIL"}},
	} {
		inBubble(t, c.name, func(t *testing.T) {
			f := newFakeDNS(t, c.zone)
			log := &lines{}
			d := f.source()
			d.Log = log.logger()
			r := start(t, d)
			for _, want := range c.publish {
				set := r.want(want)
				for _, i := range set.Instances {
					if i.ID != i.Addr || i.Weight != 1 || !i.Alive {
						t.Errorf("instance %+v", i)
					}
				}
			}
			sleep(t.Context(), 10*time.Second)
			r.stop()
			r.none()
			for _, texts := range c.logs {
				if n := len(log.with(strings.Split(texts, "|")...)); n != 1 {
					t.Errorf("%d lines with %q:\n%s", n, texts, strings.Join(log.with(), "\n"))
				}
			}
		})
	}
}

func TestDNSWeights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, newFakeDNS(t, map[string][]dnsReply{question: {{
			answer: []string{"apps.service.consul. 0 SRV 1 7 1 a.", "apps.service.consul. 0 SRV 1 0 2 a."},
			extra:  []string{"a. 0 A 10.0.0.1"},
		}}}).source())
		set := r.want("dns: 10.0.0.1:1 10.0.0.1:2")
		if set.Instances[0].Weight != 7 || set.Instances[1].Weight != 1 {
			t.Errorf("weights %+v", set.Instances)
		}
	})
}

func TestDNSErrorsKeepTheLastGoodSet(t *testing.T) {
	good := srv("b:1")
	var many dnsReply
	for i := range 101 {
		many.answer = append(many.answer, fmt.Sprintf("apps.service.consul. 0 SRV 1 1 %d a.", i+1))
		many.extra = append(many.extra, fmt.Sprintf("a. 0 A 10.0.0.%d", i))
	}
	spoilt := func(spoil func(*dns.Msg)) dnsReply {
		r := good
		r.spoil = spoil
		return r
	}
	for _, c := range []struct {
		name  string
		reply dnsReply
		want  error
	}{
		{"SERVFAIL", servfail, rcodeError(dns.RcodeServerFailure)},
		{"REFUSED", dnsReply{rcode: dns.RcodeRefused}, rcodeError(dns.RcodeRefused)},
		{"a code without a name", dnsReply{rcode: 15}, rcodeError(15)},
		{"another question's number", spoilt(func(m *dns.Msg) { m.Id++ }), dns.ErrId},
		{"another question", spoilt(func(m *dns.Msg) { m.Question[0].Name = "b." }), errNotAnswer},
		{"no question", spoilt(func(m *dns.Msg) { m.Question = nil }), errNotAnswer},
		{"a question", spoilt(func(m *dns.Msg) { m.Response = false }), errNotAnswer},
		{"a truncated answer", spoilt(func(m *dns.Msg) { m.Truncated = true }), errCut},
		{"three bytes", dnsReply{raw: []byte("abc")}, dns.ErrShortRead},
		{"a text", dnsReply{raw: []byte("HTTP/1.1 400 Bad Request\r\n\r\n")}, nil},
		{"the connection's end", dnsReply{ends: true}, io.EOF},
		{"no answer", dnsReply{hangs: true}, os.ErrDeadlineExceeded},
		{"too many instances", many, errTooMany},
	} {
		inBubble(t, c.name, func(t *testing.T) {
			f := newFakeDNS(t, map[string][]dnsReply{question: {srv("a:1"), c.reply, c.reply, srv("a:1 b:1")}})
			r := start(t, f.source())
			r.want("dns: 10.0.0.1:1")
			begin := time.Now()
			err := r.want("dns!: 10.0.0.1:1").Err
			if !errors.Is(err, c.want) && c.want != nil {
				t.Errorf("the error is %v", err)
			}
			if passed := time.Since(begin); passed > defaultFloor+2*dnsTimeout {
				t.Errorf("noticed after %v", passed)
			}
			for set := r.next(); set.Err == nil && len(set.Instances) < 2; {
				set = r.next()
			}
		})
	}
}

func TestDNSAsksAgainAfterTheSmallestTTL(t *testing.T) {
	answer := func(srv, a int) dnsReply {
		return dnsReply{
			answer: []string{fmt.Sprintf("apps.service.consul. %d SRV 1 1 1 a.", srv)},
			extra:  []string{fmt.Sprintf("a. %d A 10.0.0.1", a), "b. 3 A 10.0.0.2"},
		}
	}
	for _, c := range []struct {
		name  string
		reply dnsReply
		floor time.Duration
		want  time.Duration
	}{
		{"of the SRV records", answer(5, 30), 0, 5 * time.Second},
		{"of the addresses", answer(30, 7), 0, 7 * time.Second},
		{"but not sooner than a second", answer(0, 30), 0, time.Second},
		{"but not sooner than told", answer(5, 30), 20 * time.Second, 20 * time.Second},
		{"as soon as told", answer(0, 0), time.Millisecond, time.Millisecond},
		{"but not later than a minute", answer(3600, 3600), 0, time.Minute},
		{"of nothing, which the SOA gives", dnsReply{rcode: dns.RcodeNameError, ns: []string{"consul. 9 SOA ns. host. 1 1 1 1 12"}}, 0, 9 * time.Second},
		{"of nothing, which the SOA's minimum gives", dnsReply{ns: []string{"consul. 12 SOA ns. host. 1 1 1 1 9"}}, 0, 9 * time.Second},
		{"of nothing at all", nothing, 0, time.Second},
	} {
		inBubble(t, c.name, func(t *testing.T) {
			f := newFakeDNS(t, map[string][]dnsReply{question: {c.reply}})
			d := f.source()
			d.floor = c.floor
			start(t, d)
			sleep(t.Context(), c.want+c.want/2)
			f.mu.Lock()
			defer f.mu.Unlock()
			if len(f.asked) != 2 {
				t.Fatalf("asked %d times in %v", len(f.asked), c.want+c.want/2)
			}
			if passed := f.asked[1].Sub(f.asked[0]); passed != c.want {
				t.Errorf("asked again after %v, want %v", passed, c.want)
			}
		})
	}
}

func TestDNSKeepsItsConnection(t *testing.T) {
	for _, c := range []struct {
		name    string
		ttl     int
		prepare func(*dns.Server)
		times   int // questions
		want    int // connections
	}{
		{"over many questions", 1, func(*dns.Server) {}, 100, 1},
		{"and calls anew when the server ended it for being idle", 30, func(*dns.Server) {}, 10, 10},
		{"and calls anew when the server has had enough", 1, func(s *dns.Server) { s.MaxTCPQueries = 10 }, 100, 10},
	} {
		inBubble(t, c.name, func(t *testing.T) {
			f := newFakeDNS(t, map[string][]dnsReply{question: {{
				answer: []string{fmt.Sprintf("apps.service.consul. %d SRV 1 1 1 a.", c.ttl)},
				extra:  []string{"a. 1000 A 10.0.0.1"},
			}}})
			c.prepare(f.server)
			r := start(t, f.source())
			sleep(t.Context(), time.Duration(c.times*c.ttl)*time.Second-time.Millisecond)
			r.stop()
			questions, calls, open := f.count()
			if questions != c.times || calls != c.want || open != 0 {
				t.Errorf("%d questions over %d connections, want %d over %d; %d left open", questions, calls, c.times, c.want, open)
			}
			r.want("dns: 10.0.0.1:1")
			r.none() // a connection's end was no failure
		})
	}
}

func TestDNSWaitsEndWithTheContext(t *testing.T) {
	for _, c := range []struct {
		name  string
		reply dnsReply
		dial  func(context.Context, string) (net.Conn, error)
	}{
		{"for an answer", dnsReply{hangs: true}, nil},
		{"for the TTL", srv("a:1"), nil},
		{"for the next attempt", servfail, nil},
		{"for a connection", nothing, func(ctx context.Context, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }},
	} {
		inBubble(t, c.name, func(t *testing.T) {
			d := newFakeDNS(t, map[string][]dnsReply{question: {c.reply}}).source()
			if c.dial != nil {
				d.dial = c.dial
			}
			r := start(t, d)
			sleep(t.Context(), 5*time.Second+time.Millisecond)
			begin := time.Now()
			r.stop()
			if passed := time.Since(begin); passed != 0 {
				t.Errorf("it took %v", passed)
			}
		})
	}
}

func TestDNSNames(t *testing.T) {
	for _, c := range []struct{ service, domain, want string }{
		{"apps", "", "apps.service.consul."},
		{"apps", "example.org.", "apps.service.example.org."},
	} {
		inBubble(t, c.want, func(t *testing.T) {
			d := newFakeDNS(t, map[string][]dnsReply{c.want + " SRV": {nothing}}).source()
			d.Service, d.Domain = c.service, c.domain
			start(t, d).want("dns:")
		})
	}
	for _, d := range []DNS{{}, {Server: "s:53"}, {Service: "apps"}, {Server: "s:53", Service: "a..b"}} {
		if err := d.Run(t.Context(), nil); err == nil {
			t.Errorf("%+v ran", d)
		}
	}
}

// TestDNSOverTCP is the same over the real network: 200 instances, far more than UDP
// would carry.
func TestDNSOverTCP(t *testing.T) {
	var places []string
	for i := range 200 {
		places = append(places, fmt.Sprintf("a:%d", 1000+i))
	}
	f := &fakeDNS{t: t, zone: map[string][]dnsReply{question: {srv(strings.Join(places, " "))}}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{Listener: listener, Handler: f}
	done := make(chan error, 1)
	go func() { done <- server.ActivateAndServe() }()
	r := start(t, DNS{Server: listener.Addr().String(), Service: "apps", floor: time.Millisecond})
	set := r.next()
	if len(set.Instances) != 200 || !slices.IsSortedFunc(set.Instances, func(a, b Instance) int { return strings.Compare(a.ID, b.ID) }) {
		t.Errorf("published %d instances, %v", len(set.Instances), set.Err)
	}
	_ = listener.Close() // and the connection, as a server that dies does
	_ = server.Shutdown()
	<-done
	if set := r.next(); set.Err == nil || len(set.Instances) != 200 {
		t.Errorf("published %d instances, %v", len(set.Instances), set.Err)
	}
}
