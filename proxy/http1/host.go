package http1

// validHost says whether h is a host with an optional port (RFC 9110, 7.2; RFC 3986,
// 3.2.2 and 3.2.3): a registered name, an IPv4 address or an IPv6 address in brackets.
// It may not be empty, nor have user information, a zone or an address of a future
// version. A port is a number up to 65535, or empty.
func validHost(h []byte) bool {
	i := 0
	if len(h) > 0 && h[0] == '[' {
		for i < len(h) && h[i] != ']' {
			i++
		}
		if i == len(h) || !validIPv6(h[1:i]) {
			return false
		}
		i++
	} else {
		for i < len(h) && is(regNameByte, h[i]) {
			i++
		}
		if i < len(h) && h[i] == '%' {
			if i = skipEncoded(h, i); i < 0 {
				return false
			}
		}
		if i == 0 {
			return false
		}
	}
	return i == len(h) || h[i] == ':' && validPort(h[i+1:])
}

// skipEncoded goes on with a registered name at i, where it has a percent sign: the
// slow way, which few hosts take. It returns where the name ends, or -1.
func skipEncoded(h []byte, i int) int {
	for i < len(h) {
		switch {
		case is(regNameByte, h[i]):
			i++
		case h[i] != '%':
			return i
		case i+2 < len(h) && is(hexByte, h[i+1]) && is(hexByte, h[i+2]):
			i += 3
		default:
			return -1
		}
	}
	return i
}

func validPort(p []byte) bool {
	n := 0
	for _, c := range p {
		if !is(digitByte, c) {
			return false
		}
		if n = n*10 + int(c-'0'); n > 65535 {
			return false
		}
	}
	return true
}

// validIPv6 says whether a is an IPv6 address as RFC 3986, 3.2.2, writes it.
func validIPv6(a []byte) bool {
	groups, gap := 0, false // a gap is "::"
	i := 0
	if len(a) >= 2 && a[0] == ':' && a[1] == ':' {
		gap = true
		i = 2
	}
	for i < len(a) {
		start := i
		for i < len(a) && is(hexByte, a[i]) {
			i++
		}
		if i < len(a) && a[i] == '.' { // the last four bytes as IPv4
			if !validIPv4(a[start:]) {
				return false
			}
			groups += 2
			break
		}
		if i == start || i-start > 4 {
			return false
		}
		groups++
		if i == len(a) {
			break
		}
		if a[i] != ':' || i+1 == len(a) {
			return false
		}
		i++
		if a[i] == ':' {
			if gap {
				return false
			}
			gap = true
			i++
		}
	}
	if gap {
		return groups < 8
	}
	return groups == 8
}

// validIPv4 says whether a is an IPv4 address: four numbers up to 255 without leading
// zeros.
func validIPv4(a []byte) bool {
	for part := range 4 {
		digits, n := 0, 0
		for digits < len(a) && is(digitByte, a[digits]) && digits < 3 {
			n = n*10 + int(a[digits]-'0')
			digits++
		}
		if digits == 0 || digits > 1 && a[0] == '0' || n > 255 {
			return false
		}
		a = a[digits:]
		if part < 3 {
			if len(a) == 0 || a[0] != '.' {
				return false
			}
			a = a[1:]
		}
	}
	return len(a) == 0
}
