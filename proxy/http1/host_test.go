package http1

import (
	"net/netip"
	"strings"
	"testing"
)

var addresses = []string{
	"", ":", "::", ":::", "::1", "1::", "1:", ":1", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::3:4:5:6:7:8", "1::2:3:4:5:6:7:8",
	"1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::2::3", "12345::", "0001::", "g::", "::ffff:1.2.3.4", "::1.2.3.4.5", "::1.2.3", "::1.2.3.256", "::01.2.3.4",
	"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5::1.2.3.4", "1:2:3:4:5:6::1.2.3.4", "1.2.3.4", "::1.2.3.4:5", "fe80::1%25lo", "::1%lo", "ABCD:ef::", "1:::2",
	"::1.2.3.", "::.1.2.3", "::1..2.3", "::12345.1.1.1", "::0.0.0.0",
}

// TestRFC3986Section3_2_2_IPv6 against net/netip, which takes zones, too.
func TestRFC3986Section3_2_2_IPv6(t *testing.T) {
	for _, a := range addresses {
		sameAddress(t, a)
	}
}

func FuzzIPv6(f *testing.F) {
	for _, a := range addresses {
		f.Add(a)
	}
	f.Fuzz(sameAddress)
}

func sameAddress(t *testing.T, a string) {
	addr, err := netip.ParseAddr(a)
	want := err == nil && addr.Is6() && !strings.Contains(a, "%")
	if got := validIPv6([]byte(a)); got != want {
		t.Errorf("%q: %t", a, got)
	}
}
