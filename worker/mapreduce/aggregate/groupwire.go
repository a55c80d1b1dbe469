package aggregate

import (
	"encoding/binary"
	"errors"
)

// append appends what is kept of g.
func (g *group) append(dst []byte, need *needs) []byte {
	dst = binary.AppendUvarint(dst, uint64(g.lines))
	if need.numbers {
		dst = binary.AppendUvarint(dst, uint64(g.numbers))
	}
	if g.numbers > 0 {
		for _, d := range [...]*decimal{g.sum, g.min, g.max} {
			if d != nil {
				dst = d.encode(dst)
			}
		}
		if g.quantiles != nil {
			dst = g.quantiles.append(dst)
		}
	}
	if need.distinct {
		dst = g.distinct.append(dst)
	}
	return dst
}

// maxLines is how many lines a group may have: a float64 still counts them.
const maxLines = 1 << 53

var errGroup = errors.New("there is a group with no lines")

// group adds to g what append wrote.
func (d *decoder) group(g *group, need *needs) {
	lines := int64(d.uvarint(uint64(maxLines - g.lines)))
	if lines == 0 {
		d.fail(errGroup)
	}
	g.lines += lines
	if need.numbers {
		if n := int64(d.uvarint(uint64(lines))); n > 0 {
			g.numbers += n
			d.numbers(g, need, n)
		}
	}
	if need.distinct {
		if other := d.distinct(); g.distinct == nil {
			g.distinct = other
		} else if other != nil {
			g.distinct.merge(other)
		}
	}
}

// numbers adds to g what append wrote of so many numbers.
func (d *decoder) numbers(g *group, need *needs, n int64) {
	var sum, least, most decimal
	if need.sum {
		sum = d.decimal()
	}
	if need.min {
		least = d.decimal()
	}
	if need.max {
		most = d.decimal()
	}
	g.addDecimals(need, sum, least, most)
	if need.quantiles {
		d.quantiles(g.needQuantiles(), n)
	}
}
