package forward

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestForwardingHeaders(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	spoof := http.Header{
		"X-Forwarded-For": {"203.0.113.7", "203.0.113.8"}, "X-Forwarded-Proto": {"https"},
		"X-Forwarded-Host": {"example.org"}, "Forwarded": {"for=203.0.113.7"},
	}
	cases := []struct {
		name             string
		peer             string
		header           http.Header
		xff, proto, host string
	}{
		{"a client's connection is told", "192.0.2.1:999", nil, "192.0.2.1", "http", "h:80"},
		{"a client's own are not believed", "192.0.2.1:999", spoof, "192.0.2.1", "http", "h:80"},
		{"a trusted proxy's are, and its address is added", "10.1.2.3:999", spoof, "203.0.113.7, 203.0.113.8, 10.1.2.3", "https", "example.org"},
		{"a trusted proxy that says nothing is itself the client", "10.1.2.3:999", nil, "10.1.2.3", "http", "h:80"},
		{"a trusted proxy is known by its mapped address too", "[::ffff:10.1.2.3]:999", spoof, "203.0.113.7, 203.0.113.8, ::ffff:10.1.2.3", "https", "example.org"},
		{"an IPv6 client", "[2001:db9::1]:999", spoof, "2001:db9::1", "http", "h:80"},
		{"a trusted IPv6 proxy", "[2001:db8::1]:999", spoof, "203.0.113.7, 203.0.113.8, 2001:db8::1", "https", "example.org"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := &http.Request{RemoteAddr: c.peer, Host: "h:80", Header: c.header}
			out := c.header.Clone()
			if out == nil {
				out = http.Header{}
			}
			setForwarded(out, in, trusted(proxies, c.peer))
			if out.Get(forwardedFor) != c.xff || len(out.Values(forwardedFor)) != 1 || out.Get(forwardedProto) != c.proto || out.Get(forwardedHost) != c.host || out.Get("Forwarded") != "" {
				t.Errorf("got %v", out)
			}
		})
	}
}
