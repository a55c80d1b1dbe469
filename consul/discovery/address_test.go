package discovery

import (
	"strings"
	"testing"
)

func TestParseAddr(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, c := range []struct{ name, in, want, wrong string }{
		{"an IPv4 address", "10.0.0.1:80", "10.0.0.1:80", ""},
		{"an IPv6 address is written in its short form", "[0:0::1]:80", "[::1]:80", ""},
		{"a link-local address keeps its zone", "[fe80::1%eth0]:80", "[fe80::1%eth0]:80", ""},
		{"a host name is in lower case", "Apps-1.Example:65535", "apps-1.example:65535", ""},
		{"a host name may start with a digit", "1a:1", "1a:1", ""},
		{"a host name may end with a dot", "apps.example.:1", "apps.example.:1", ""},
		{"a label of 63 is a name", long + ":1", long + ":1", ""},
		{"a label of 64 is not", long + "a:1", "", long},
		{"a name of 254 is too long", strings.Repeat("a.", 126) + "aa:1", "", "aa"},
		{"port 0 is none", "h:0", "", "port 0"},
		{"port 65536 is none", "h:65536", "", `port "65536"`},
		{"a port with a sign is none", "h:+1", "", `port "+1"`},
		{"a port's name is none", "h:http", "", `port "http"`},
		{"a port is needed", "h", "", "missing port"},
		{"a host is needed", ":80", "", `address ""`},
		{"a dot is no host", ".:80", "", `address "."`},
		{"an IP address with a number too many is no name", "10.0.0.1.2:80", "", `"10.0.0.1.2"`},
		{"an IP address with a number too large is no name", "10.0.0.256:80", "", `"10.0.0.256"`},
		{"an underscore is not in host names", "a_b:80", "", `"a_b"`},
		{"a hyphen does not start a label", "-a:80", "", `"-a"`},
		{"a hyphen does not end a label", "a-.b:80", "", `"a-.b"`},
		{"a space is not in host names", " a:80", "", `" a"`},
		{"a line break is not in host names", "a\n:80", "", `"a\n"`},
		{"a letter beyond ASCII is not in host names", "ä:80", "", `"ä"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseAddr(c.in)
			if got != c.want || (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}
