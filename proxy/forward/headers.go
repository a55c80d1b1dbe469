package forward

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// The forwarding headers that the proxy sets. Forwarded (RFC 7239) says the same
// and is removed, so that no instance reads two accounts.
const (
	forwardedFor   = "X-Forwarded-For"
	forwardedProto = "X-Forwarded-Proto"
	forwardedHost  = "X-Forwarded-Host"
)

// trusted reports whether a request's peer is one of the proxies whose forwarding
// headers are believed.
func trusted(proxies []netip.Prefix, remoteAddr string) bool {
	peer, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return false
	}
	addr := peer.Addr().Unmap().WithZone("")
	return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// setForwarded sets out's forwarding headers anew, from the connection that in came
// over; what in says itself is kept only when believe is true. It has to run after
// the hop-by-hop headers were removed: a client may name these in its Connection
// header (CVE-2025-48865).
func setForwarded(out http.Header, in *http.Request, believe bool) {
	client, _, err := net.SplitHostPort(in.RemoteAddr)
	if err != nil {
		client = "unknown"
	}
	proto, host := "http", in.Host
	if in.TLS != nil {
		proto = "https"
	}
	if believe {
		if prior := in.Header.Values(forwardedFor); len(prior) > 0 {
			client = strings.Join(prior, ", ") + ", " + client
		}
		if p := in.Header.Get(forwardedProto); p != "" {
			proto = p
		}
		if h := in.Header.Get(forwardedHost); h != "" {
			host = h
		}
	}
	out.Del("Forwarded")
	out.Set(forwardedFor, client)
	out.Set(forwardedProto, proto)
	out.Set(forwardedHost, host)
}
