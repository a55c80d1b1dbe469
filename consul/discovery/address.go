package discovery

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// joinAddr makes an instance's address of a host and a port. The host is an IP
// address or a host name, the port 1 to 65535; anything else is an error that names
// the field and its value. Two spellings of one address give the same string.
func joinAddr(host string, port int) (string, error) {
	if port < 1 || port > 65535 {
		return "", fmt.Errorf("port %d is not between 1 and 65535", port)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.String()
	} else if isHostName(host) {
		host = strings.ToLower(host)
	} else {
		return "", fmt.Errorf("address %q is neither an IP address nor a host name", host)
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
}

// parseAddr reads "host:port" by the same rules.
func parseAddr(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err // names the address already
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "", fmt.Errorf("port %q is not a number between 1 and 65535", port)
	}
	return joinAddr(host, int(n))
}

// isHostName reports whether s is a host name as RFC 1123, section 2.1 has it:
// labels of letters, digits and inner hyphens, the last one not a number, so that a
// mistyped IP address is not taken for a name.
func isHostName(s string) bool {
	s = strings.TrimSuffix(s, ".")
	if len(s) > 253 {
		return false
	}
	last := ""
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
				return false
			}
		}
		last = label
	}
	return strings.Trim(last, "0123456789") != ""
}
