package aggregate

import (
	"encoding/binary"
	"errors"
	"math"
	"math/big"
)

// What a sum of as many numbers as there can be has at most.
const (
	maxSum   = 309 + 16 // digits before the point: those of the largest float64 and of maxLines
	maxBytes = 302      // of the coefficient, with maxPlaces digits behind the point
)

// encode appends d: its scale, how many bytes its coefficient has and whether it is below
// 0, and these bytes, the highest first.
func (d *decimal) encode(dst []byte) []byte {
	n := d.normal()
	dst = binary.AppendVarint(dst, int64(n.scale))
	if n.large != nil {
		return appendCoefficient(dst, n.large.Bytes(), n.large.Sign() < 0)
	}
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], magnitude(n.small))
	start := 0
	for start < len(b) && b[start] == 0 {
		start++
	}
	return appendCoefficient(dst, b[start:], n.small < 0)
}

func appendCoefficient(dst, b []byte, negative bool) []byte {
	size := uint64(len(b)) << 1
	if negative {
		size |= 1
	}
	return append(binary.AppendUvarint(dst, size), b...)
}

var errDecimal = errors.New("there is a number that is none")

// decimal reads what encode wrote.
func (d *decoder) decimal() decimal {
	scale := d.varint(maxPlaces)
	size := d.uvarint(2*maxBytes + 1)
	b := d.bytes(int(size >> 1))
	if size == 1 || len(b) > 0 && b[0] == 0 {
		d.fail(errDecimal)
	}
	if d.err != nil {
		return decimal{}
	}
	raw := coefficient(b, size&1 == 1)
	raw.scale = scale
	n := raw.normal()
	if n.scale != scale || (n.large != nil || scale < -maxPlaces/2) && n.digits()-scale > maxSum {
		d.fail(errDecimal)
	}
	return n
}

func coefficient(b []byte, negative bool) decimal {
	sign := int64(1)
	if negative {
		sign = -1
	}
	if len(b) <= 8 {
		var whole [8]byte
		copy(whole[8-len(b):], b)
		if c := binary.BigEndian.Uint64(whole[:]); c <= math.MaxInt64 {
			return decimal{small: sign * int64(c)}
		}
	}
	c := new(big.Int).SetBytes(b)
	return decimal{large: c.Mul(c, big.NewInt(sign))}
}
