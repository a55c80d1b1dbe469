package line

import (
	"bytes"
	"cmp"
)

// decimal is a number as it was written in JSON, to be compared exactly: its digits, with
// a point somewhere.
type decimal struct {
	sign            int    // -1, 0 or 1
	whole, fraction []byte // digits, the first of which is not 0
	// point is how many digits are before the point, less than 0 if zeros are behind it
	// before the first digit.
	point int
}

// maxExponent is from where on exponents are all the same.
const maxExponent = 1 << 40

// parseDecimal reads a text that is a number of JSON and nothing else.
func parseDecimal(text []byte) (d decimal, ok bool) {
	if end, err := skipNumber(text, 0); err != nil || end != len(text) {
		return decimal{}, false
	}
	d.sign = 1
	if text[0] == '-' {
		d.sign = -1
		text = text[1:]
	}
	end := skipDigits(text, 0)
	d.whole, text = text[:end], text[end:]
	if len(text) > 0 && text[0] == '.' {
		end = skipDigits(text, 1)
		d.fraction, text = text[1:end], text[end:]
	}
	if len(text) > 0 {
		d.point = exponent(text[1:])
	}
	if d.whole[0] != '0' {
		d.point += len(d.whole)
		return d, true
	}
	// That is the only digit before the point, and more may be behind it.
	digits := bytes.TrimLeft(d.fraction, "0")
	if len(digits) == 0 {
		return decimal{}, true
	}
	d.point -= len(d.fraction) - len(digits)
	d.whole, d.fraction = nil, digits
	return d, true
}

// exponent reads what is behind the e of a number.
func exponent(text []byte) int {
	n, sign := 0, 1
	for _, c := range text {
		switch {
		case c == '-':
			sign = -1
		case c != '+':
			n = min(10*n+int(c-'0'), maxExponent)
		}
	}
	return sign * n
}

// compare returns -1 if d is less than e, 0 if they are equal, and otherwise 1.
func (d decimal) compare(e decimal) int {
	if d.sign != e.sign {
		return cmp.Compare(d.sign, e.sign)
	}
	if d.point != e.point {
		return d.sign * cmp.Compare(d.point, e.point)
	}
	for n := range max(len(d.whole)+len(d.fraction), len(e.whole)+len(e.fraction)) {
		if a, b := d.digit(n), e.digit(n); a != b {
			return d.sign * cmp.Compare(a, b)
		}
	}
	return 0
}

func (d decimal) digit(n int) byte {
	if n < len(d.whole) {
		return d.whole[n]
	}
	if n -= len(d.whole); n < len(d.fraction) {
		return d.fraction[n]
	}
	return '0'
}
