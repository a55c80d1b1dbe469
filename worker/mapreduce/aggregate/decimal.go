package aggregate

import (
	"bytes"
	"cmp"
	"math"
	"math/big"
	"math/bits"
	"strconv"
)

// decimal is a number, exactly: (large + small) / 10^scale. Its zero value is 0.
//
// It may be added to without end: small takes what is added, and large what is too much
// for small, which is seldom. A decimal that is not added to has one of the two only.
type decimal struct {
	small int64
	large *big.Int // nil: 0
	scale int      // digits behind the point; below 0: zeros before it
}

// maxSmall is how many digits an int64 has room for, whichever they are.
const maxSmall = 18

var powers = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}

func power(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// times returns v * 10^n, if it fits.
func times(v int64, n int) (int64, bool) {
	if n > maxSmall {
		return 0, v == 0
	}
	p := int64(powers[n])
	return v * p, -math.MaxInt64/p <= v && v <= math.MaxInt64/p
}

func (d decimal) isZero() bool { return d.small == 0 && (d.large == nil || d.large.Sign() == 0) }

func (d decimal) coefficient() *big.Int {
	c := big.NewInt(d.small)
	if d.large != nil {
		c.Add(c, d.large)
	}
	return c
}

func (d *decimal) add(x decimal) {
	if d.isZero() {
		*d = decimal{scale: x.scale}
	}
	if x.scale > d.scale {
		d.extend(x.scale)
	}
	if x.large == nil {
		if v, ok := times(x.small, d.scale-x.scale); ok {
			d.addSmall(v)
			return
		}
	}
	d.addLarge(x.scaled(d.scale))
}

// scaled returns the coefficient that d has with a scale that is not less than its own.
func (d decimal) scaled(scale int) *big.Int {
	n := scale - d.scale
	if d.large == nil && n < len(powers) && bits.UintSize == 64 { // for speed
		high, low := bits.Mul64(magnitude(d.small), powers[n])
		c := new(big.Int).SetBits([]big.Word{big.Word(low), big.Word(high)})
		if d.small < 0 {
			c.Neg(c)
		}
		return c
	}
	c := d.coefficient()
	return c.Mul(c, power(n))
}

// extend writes d with more digits behind the point.
func (d *decimal) extend(scale int) {
	if d.large == nil {
		if v, ok := times(d.small, scale-d.scale); ok {
			d.small, d.scale = v, scale
			return
		}
	}
	d.large = d.scaled(scale)
	d.small, d.scale = 0, scale
}

func (d *decimal) addSmall(v int64) {
	sum := d.small + v
	if (sum > d.small) == (v > 0) {
		d.small = sum
		return
	}
	d.addLarge(big.NewInt(d.small))
	d.small = v
}

func (d *decimal) addLarge(v *big.Int) {
	if d.large == nil {
		d.large = new(big.Int)
	}
	d.large.Add(d.large, v)
}

// compare returns -1 if d is less than e, 0 if they are equal, and otherwise 1.
func (d decimal) compare(e decimal) int {
	if d.large != nil || e.large != nil {
		return d.compareLarge(e)
	}
	if d.scale == e.scale {
		return cmp.Compare(d.small, e.small)
	}
	if sign := cmp.Compare(d.small, 0); sign != cmp.Compare(e.small, 0) || sign == 0 {
		return cmp.Compare(d.small, e.small)
	} else if d.scale < e.scale {
		return sign * compareScaled(d.small, e.scale-d.scale, e.small)
	} else {
		return -sign * compareScaled(e.small, d.scale-e.scale, d.small)
	}
}

// compareScaled compares the magnitudes of a * 10^n and b; a is not 0.
func compareScaled(a int64, n int, b int64) int {
	if n >= len(powers) {
		return 1
	}
	high, low := bits.Mul64(magnitude(a), powers[n])
	if high > 0 {
		return 1
	}
	return cmp.Compare(low, magnitude(b))
}

func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

func (d decimal) compareLarge(e decimal) int {
	scale := max(d.scale, e.scale)
	return d.scaled(scale).Cmp(e.scaled(scale))
}

// normal returns the one way to write d's value: with no zeros at the end of its
// coefficient, which is large only where small has no room.
func (d decimal) normal() decimal {
	if d.large == nil {
		if d.small == 0 {
			return decimal{}
		}
		for d.small%10 == 0 {
			d.small /= 10
			d.scale--
		}
		return d
	}
	c := d.coefficient()
	if c.Sign() == 0 {
		return decimal{}
	}
	digits := c.Append(make([]byte, 0, 64), 10)
	if zeros := len(digits) - len(bytes.TrimRight(digits, "0")); zeros > 0 {
		c.Quo(c, power(zeros))
		d.scale -= zeros
	}
	if c.IsInt64() {
		return decimal{small: c.Int64(), scale: d.scale}
	}
	return decimal{large: c, scale: d.scale}
}

// digits is how many digits the coefficient of a d has that is normal.
func (d decimal) digits() int {
	text := d.coefficient().Append(nil, 10)
	return len(bytes.TrimPrefix(text, []byte{'-'}))
}

// float returns the float64 nearest to d; one that is infinite if there is none.
func (d decimal) float() float64 {
	if d.large == nil && magnitude(d.small) < 1<<53 && 0 <= d.scale && d.scale < len(powers) {
		return float64(d.small) / float64(powers[d.scale]) // both are exact
	}
	text := make([]byte, 0, 32)
	if d.large == nil {
		text = strconv.AppendInt(text, d.small, 10)
	} else {
		text = d.coefficient().Append(text, 10)
	}
	text = strconv.AppendInt(append(text, 'e'), int64(-d.scale), 10)
	f, _ := strconv.ParseFloat(string(text), 64) // out of range is infinite
	return f + 0                                 // no -0
}

// over returns the float64 nearest to d/n; n is above 0.
func (d decimal) over(n int64) float64 {
	a, b := d.coefficient(), big.NewInt(n)
	if d.scale > 0 {
		b.Mul(b, power(d.scale))
	} else {
		a.Mul(a, power(-d.scale))
	}
	f, _ := new(big.Rat).SetFrac(a, b).Float64()
	return f + 0 // no -0
}

// append appends d in plain digits, with a point if it needs one.
func (d decimal) append(dst []byte) []byte {
	d = d.normal()
	digits := d.coefficient().Append(nil, 10)
	if digits[0] == '-' {
		dst = append(dst, '-')
		digits = digits[1:]
	}
	if d.scale <= 0 {
		return append(append(dst, digits...), bytes.Repeat([]byte{'0'}, -d.scale)...)
	}
	if zeros := d.scale + 1 - len(digits); zeros > 0 {
		digits = append(bytes.Repeat([]byte{'0'}, zeros), digits...)
	}
	point := len(digits) - d.scale
	return append(append(append(dst, digits[:point]...), '.'), digits[point:]...)
}

// bytes is how much memory d takes beside itself, about.
func (d *decimal) bytes() int {
	if d == nil || d.large == nil {
		return 0
	}
	return 48 + 8*cap(d.large.Bits())
}
