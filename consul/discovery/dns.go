package discovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	defaultFloor = time.Second      // the shortest time between two questions; Consul's TTL is 0 by default
	ceiling      = 60 * time.Second // the longest wait between two questions, whatever the TTL
	dnsTimeout   = 2 * time.Second  // for a connection, for a question, and for its answer
	pollTimeout  = 10 * time.Second // for all the questions that one set takes
)

// DNS is the [Source] that asks Consul's DNS server, or another, for SRV records
// (RFC 2782). What DNS lists is ready and alive; there is no telling not ready from
// gone. Priorities are not looked at: Consul gives all its records the same.
//
// It asks over TCP only. Consul cuts an answer over UDP at three records, or at the
// datagram's size, shuffles it, and does not set the truncation bit unless
// dns_config.enable_truncate is on, which it is not by default. A client that begins
// with UDP therefore cannot see that it has to come back over TCP: its fleet changes
// at random. Over TCP a message holds 64 KiB, about 500 instances; Consul cuts there
// too. A larger fleet wants a [Watch].
// (https://developer.hashicorp.com/consul/docs/reference/agent/configuration-file/dns)
type DNS struct {
	// Server is the DNS server, "host:port".
	Server string
	// Service is the service's name in Consul: <service>.service.<domain> is asked.
	Service string
	// Domain is Consul's; empty means "consul".
	Domain string
	// Hold is how long instances are kept unconfirmed; 0 keeps none.
	Hold time.Duration
	// Initial is what [Load] found in the state file, or nil.
	Initial []Instance
	// Log takes a line per transition and per instance skipped; nil for none.
	Log *slog.Logger

	// floor is for tests; 0 means defaultFloor.
	floor time.Duration
	// dial is for tests; nil means TCP.
	dial func(ctx context.Context, server string) (net.Conn, error)
}

// Run implements [Source].
func (d DNS) Run(ctx context.Context, publish func(Set)) error {
	if d.Server == "" || d.Service == "" {
		return errors.New("discovery: DNS needs a server and a service")
	}
	name := d.Service + ".service." + cmp.Or(d.Domain, "consul")
	if _, ok := dns.IsDomainName(name); !ok {
		return fmt.Errorf("discovery: %q is not a domain name", name)
	}
	log := logger(d.Log, d.Service)
	r := resolver{
		name:    dns.Fqdn(name),
		floor:   min(cmp.Or(d.floor, defaultFloor), ceiling),
		line:    dnsLine{server: d.Server, dial: d.dial},
		skipped: complaints{log: log},
	}
	defer r.line.hangUp()
	follow(ctx, fromDNS, d.Hold, d.Initial, log, r.ask, publish)
	return nil
}

// resolver asks for one name, again and again.
type resolver struct {
	name    string
	floor   time.Duration
	line    dnsLine
	known   map[string]addresses // of the targets that the last answer named
	skipped complaints
}

// addresses are those of one target, and how long they may be kept.
type addresses struct {
	ips []netip.Addr
	ttl uint32 // seconds
}

// ask asks once.
func (r *resolver) ask(ctx context.Context) answer {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	listed, ttl, err := r.list(ctx)
	if err != nil {
		return answer{err: fmt.Errorf("ask dns for %s: %w", r.name, err)}
	}
	wait := min(time.Duration(ttl)*time.Second, ceiling)
	return answer{listed: listed, next: max(wait, r.floor)}
}

// list gives what the server lists and the smallest TTL among the records used, in
// seconds.
func (r *resolver) list(ctx context.Context) ([]listing, uint32, error) {
	reply, err := r.line.exchange(ctx, r.name, dns.TypeSRV)
	if err != nil {
		return nil, 0, err
	}
	switch reply.Rcode {
	case dns.RcodeSuccess:
	case dns.RcodeNameError: // nothing is registered, or nothing of it passes
		return nil, negativeTTL(reply), nil
	default:
		return nil, 0, rcodeError(reply.Rcode)
	}

	known := make(map[string]addresses)
	wrong := make(map[string]error)
	byAddr := make(map[string]listing)
	ttl := negativeTTL(reply)
	if len(reply.Answer) > 0 {
		ttl = reply.Answer[0].Header().Ttl
	}
	for _, record := range reply.Answer {
		srv, ok := record.(*dns.SRV)
		if !ok || srv.Target == "." { // "." is no instance (RFC 2782)
			continue
		}
		target := strings.ToLower(srv.Target)
		at, ok := known[target]
		if !ok {
			if at, err = r.resolve(ctx, target, reply.Extra); err != nil {
				return nil, 0, err
			}
			known[target] = at
		}
		if len(at.ips) == 0 {
			wrong[target] = errors.New("the name has no address")
		}
		ttl = min(ttl, srv.Hdr.Ttl, at.ttl)
		for _, ip := range at.ips {
			addr, err := joinAddr(ip.String(), int(srv.Port))
			if err != nil {
				wrong[target] = err
				continue
			}
			byAddr[addr] = atAddr(addr, max(int(srv.Weight), 1))
		}
	}
	if len(byAddr) > MaxInstances {
		return nil, 0, errTooMany
	}
	r.known = known
	r.skipped.report(wrong)
	return slices.Collect(maps.Values(byAddr)), ttl, nil
}

// resolve gives a target's addresses: from the additional records, or by asking. IPv6
// is for targets that have no IPv4 address, so that none counts twice. Only a
// connection's failure is an error. A name that cannot be resolved has the addresses
// it had, if the server failed, and none if the server said so.
func (r *resolver) resolve(ctx context.Context, target string, extra []dns.RR) (addresses, error) {
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		if at := pick(extra, qtype, target); len(at.ips) > 0 {
			return at, nil
		}
	}
	var ttl uint32
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		reply, err := r.line.exchange(ctx, target, qtype)
		if err != nil {
			return addresses{}, fmt.Errorf("address of %s: %w", target, err)
		}
		if at := pick(reply.Answer, qtype, ""); len(at.ips) > 0 {
			return at, nil
		}
		if reply.Rcode == dns.RcodeServerFailure {
			return addresses{ips: r.known[target].ips}, nil
		}
		ttl = negativeTTL(reply)
	}
	return addresses{ttl: ttl}, nil
}

// pick gives the addresses among the records, of the owner or, where that is empty,
// of whichever: an answer may come through a CNAME.
func pick(records []dns.RR, qtype uint16, owner string) addresses {
	var at addresses
	for _, record := range records {
		h := record.Header()
		if h.Rrtype != qtype || owner != "" && !strings.EqualFold(h.Name, owner) {
			continue
		}
		var ip netip.Addr
		switch a := record.(type) {
		case *dns.A:
			ip, _ = netip.AddrFromSlice(a.A)
		case *dns.AAAA:
			ip, _ = netip.AddrFromSlice(a.AAAA)
		}
		if !ip.IsValid() {
			continue
		}
		if len(at.ips) == 0 || h.Ttl < at.ttl {
			at.ttl = h.Ttl
		}
		at.ips = append(at.ips, ip.Unmap())
	}
	return at
}

// negativeTTL is how long "there is none" may be kept, in seconds: RFC 2308, section 5.
func negativeTTL(reply *dns.Msg) uint32 {
	for _, record := range reply.Ns {
		if soa, ok := record.(*dns.SOA); ok {
			return min(soa.Hdr.Ttl, soa.Minttl)
		}
	}
	return 0
}

// rcodeError is a DNS server's refusal to answer.
type rcodeError int

func (e rcodeError) Error() string {
	return "the server answers " + cmp.Or(dns.RcodeToString[int(e)], fmt.Sprintf("code %d", int(e)))
}
