package line

import "errors"

var errNumber = errors.New("has a number that is not one of JSON")

// skipNumber returns where the number ends that begins at i (RFC 8259, 6).
func skipNumber(b []byte, i int) (int, error) {
	if end := skipUsualNumber(b, i); end > i {
		return end, nil
	}
	if at(b, i) == '-' {
		i++
	}
	end := skipDigits(b, i)
	if end == i || b[i] == '0' && end > i+1 {
		return i, wrong(b, i, errNumber)
	}
	if c := at(b, end); c == '.' || c|0x20 == 'e' {
		return skipFraction(b, end)
	}
	return end, nil
}

// skipUsualNumber is skipNumber of what ends within a word, has no sign and no exponent, and
// is right; i: this is none.
func skipUsualNumber(b []byte, i int) int {
	w := word(b, i)
	ends := notDigit(w)
	n := first(ends)
	if n == 0 || n > 1 && byte(w) == '0' {
		return i
	}
	c := byteOf(w, n)
	if c == '.' {
		point := n
		n = first(ends & (ends - 1)) // right, as a point changes no mark but its own
		if n == point+1 {
			return i
		}
		c = byteOf(w, n)
	}
	if n == 8 || c|0x20 == 'e' {
		return i
	}
	return i + n
}

// skipFraction returns where the rest of a number ends, from the point or the e on.
func skipFraction(b []byte, i int) (int, error) {
	if b[i] == '.' {
		start := i + 1
		if i = skipDigits(b, start); i == start {
			return i, wrong(b, i, errNumber)
		}
	}
	if at(b, i)|0x20 == 'e' {
		start := i + 1
		if c := at(b, start); c == '+' || c == '-' {
			start++
		}
		if i = skipDigits(b, start); i == start {
			return i, wrong(b, i, errNumber)
		}
	}
	return i, nil
}

// skipDigits returns where the digits end that begin at i, if there are any.
func skipDigits(b []byte, i int) int {
	for i <= len(b)-8 {
		if found := notDigit(word(b, i)); found != 0 {
			return i + first(found)
		}
		i += 8
	}
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	return i
}
