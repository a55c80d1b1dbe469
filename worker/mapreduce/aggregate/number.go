package aggregate

import (
	"bytes"
	"math"
	"math/big"

	"formation/worker/mapreduce/line"
)

// What is beyond these is not read as a number, so that nobody's arithmetic takes long.
const (
	maxText   = 1000 // bytes of a literal
	maxPlaces = 400  // digits before the point, and behind it
)

// number reads a value that is a number of JSON, or a text that reads as one, and that a
// float64 can hold (below 1.8e308), with no digit beyond the 400th behind the point.
func number(v line.Value) (decimal, bool) {
	if v.Kind != line.Number && v.Kind != line.String {
		return decimal{}, false
	}
	d, ok := parse(v.Text)
	if !ok || !d.finite() {
		return decimal{}, false
	}
	return d, true
}

// parse reads a number as JSON writes it (RFC 8259, 6).
func parse(text []byte) (d decimal, ok bool) {
	if len(text) == 0 || len(text) > maxText {
		return decimal{}, false
	}
	i := 0
	negative := text[0] == '-'
	if negative {
		i = 1
	}
	start := i
	var c uint64 // the coefficient, unless there are too many digits
	for ; i < len(text) && text[i]-'0' < 10; i++ {
		c = 10*c + uint64(text[i]-'0')
	}
	count := i - start
	if count == 0 || count > 1 && text[start] == '0' {
		return decimal{}, false
	}
	if i < len(text) && text[i] == '.' {
		i++
		fraction := i
		for ; i < len(text) && text[i]-'0' < 10; i++ {
			c = 10*c + uint64(text[i]-'0')
		}
		d.scale = i - fraction
		if d.scale == 0 {
			return decimal{}, false
		}
		count += d.scale
	}
	end := i
	if i < len(text) {
		exponent, ok := parseExponent(text[i:])
		if !ok {
			return decimal{}, false
		}
		d.scale -= exponent
	}
	if count > 19 {
		count -= zerosBefore(text[start:end])
	}
	if count > 19 || c > math.MaxInt64 { // 19 digits fit into c
		return parseLong(text[start:end], d.scale, negative)
	}
	d.small = int64(c)
	if negative {
		d.small = -d.small
	}
	return d.bounded()
}

// parseExponent reads the rest of a number, from its e on. What is too much for any number
// is not told apart.
func parseExponent(text []byte) (exponent int, ok bool) {
	if text[0]|0x20 != 'e' {
		return 0, false
	}
	i := 1
	negative := i < len(text) && text[i] == '-'
	if negative || i < len(text) && text[i] == '+' {
		i++
	}
	if i == len(text) {
		return 0, false
	}
	for ; i < len(text); i++ {
		if text[i]-'0' >= 10 {
			return 0, false
		}
		exponent = min(10*exponent+int(text[i]-'0'), 100*maxText)
	}
	if negative {
		exponent = -exponent
	}
	return exponent, true
}

// zerosBefore is how many zeros a number begins with.
func zerosBefore(text []byte) (zeros int) {
	for _, c := range text {
		switch c {
		case '0':
			zeros++
		case '.':
		default:
			return zeros
		}
	}
	return zeros
}

// parseLong is parse for digits, with a point among them, of which there are many.
func parseLong(text []byte, scale int, negative bool) (decimal, bool) {
	digits := bytes.TrimLeft(bytes.Replace(text, []byte{'.'}, nil, 1), "0")
	trimmed := bytes.TrimRight(digits, "0")
	d := decimal{scale: scale - len(digits) + len(trimmed)}
	if len(trimmed) <= maxSmall {
		for _, digit := range trimmed {
			d.small = 10*d.small + int64(digit-'0')
		}
	} else {
		d.large, _ = new(big.Int).SetString(string(trimmed), 10)
	}
	if negative {
		d.small = -d.small
		if d.large != nil {
			d.large.Neg(d.large)
		}
	}
	return d.bounded()
}

// bounded says whether d is within bounds, and makes all zeros the same.
func (d decimal) bounded() (decimal, bool) {
	if d.isZero() {
		return decimal{}, true
	}
	if d.large == nil && -maxPlaces/2 < d.scale && d.scale < maxPlaces/2 {
		return d, true
	}
	d = d.normal()
	return d, d.scale <= maxPlaces && d.digits()-d.scale <= maxPlaces
}

// finite says whether a float64 can hold d.
func (d decimal) finite() bool {
	if d.large == nil && d.scale > -maxPlaces/2 {
		return true
	}
	return !math.IsInf(d.float(), 0)
}
