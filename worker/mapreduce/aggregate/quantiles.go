package aggregate

import (
	"encoding/binary"
	"errors"
	"math"
	"strconv"
)

// quantiles estimates which number is where in the order of a group's numbers (a
// DDSketch). The p-th percentile of n numbers is the one of rank p*(n-1)/100, rounded down,
// where the least has rank 0. It is estimated as the middle of its bin, rounded to four
// digits, but never beyond the least and the greatest of the numbers.
//
// What is nearer to 0 than 2.3e-308 is counted as 0, and what is farther than 1.2e308 as
// if it were not.
type quantiles struct {
	above, below bins // below 0, by their magnitude
	zeros        int64
	min, max     float64
	size         int // bytes of memory, about
}

// What quantiles take without their bins.
const quantilesBytes = 80

func newQuantiles() *quantiles {
	q := &quantiles{min: math.Inf(1), max: math.Inf(-1)}
	q.measure()
	return q
}

func (q *quantiles) count() int64 { return q.below.count + q.zeros + q.above.count }

func (q *quantiles) add(v float64) {
	q.min, q.max = min(q.min, v), max(q.max, v)
	grown := false
	switch sign, bin := place(v); sign {
	case 1:
		grown = q.above.add(bin, 1)
	case -1:
		grown = q.below.add(bin, 1)
	default:
		q.zeros++
	}
	if grown {
		q.measure()
	}
}

// place returns the bin of a number, and on which side of 0 that is; 0, 0 is the bin of 0.
func place(v float64) (sign, bin int) {
	least, most := ruler.MinIndexableValue(), ruler.MaxIndexableValue()
	switch {
	case v > least:
		return 1, ruler.Index(min(v, most))
	case v < -least:
		return -1, ruler.Index(min(-v, most))
	}
	return 0, 0
}

func (q *quantiles) measure() { q.size = quantilesBytes + q.above.bytes() + q.below.bytes() }

// at returns the number that p in 100 are not above.
func (q *quantiles) at(p int64) float64 {
	rank := (q.count() - 1) * p / 100
	v := 0.0
	switch below := q.below.count; {
	case rank < below:
		v = -q.below.at(below - 1 - rank)
	case rank >= below+q.zeros:
		v = q.above.at(rank - below - q.zeros)
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'e', 3, 64), 64) // infinite, if need be
	return min(max(rounded, q.min), q.max) + 0                               // no -0
}

// append appends q; the number of its numbers is known.
func (q *quantiles) append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(q.min))
	dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(q.max))
	dst = binary.AppendUvarint(dst, uint64(q.zeros))
	return q.above.append(q.below.append(dst))
}

var errQuantiles = errors.New("there are quantiles of other numbers")

// quantiles adds to q what append wrote of so many numbers, one at least.
func (d *decoder) quantiles(q *quantiles, numbers int64) {
	least, most := math.Float64frombits(d.uint64()), math.Float64frombits(d.uint64())
	zeros := int64(d.uvarint(uint64(numbers)))
	all, below := d.bins(d.filled[:0], numbers-zeros)
	split := len(all)
	all, above := d.bins(all, numbers-zeros-below)
	d.filled = all
	if d.err == nil && (below+zeros+above != numbers || !holds(least, most, all[:split], zeros, all[split:])) {
		d.fail(errQuantiles)
	}
	if d.err != nil {
		return
	}
	q.min, q.max = min(q.min, least), max(q.max, most)
	q.zeros += zeros
	for _, f := range all[:split] {
		q.below.add(f.bin, f.n)
	}
	for _, f := range all[split:] {
		q.above.add(f.bin, f.n)
	}
	q.measure()
}

// holds says whether bins begin with that of the least number and end with that of the
// greatest.
func holds(least, most float64, below []filled, zeros int64, above []filled) bool {
	type placed struct{ sign, bin int }
	var all []placed
	if n := len(below); n > 0 {
		all = append(all, placed{-1, below[n-1].bin}, placed{-1, below[0].bin})
	}
	if zeros > 0 {
		all = append(all, placed{})
	}
	if n := len(above); n > 0 {
		all = append(all, placed{1, above[0].bin}, placed{1, above[n-1].bin})
	}
	at := func(v float64) placed {
		sign, bin := place(v)
		return placed{sign, bin}
	}
	return least <= most && canonical(least) && canonical(most) && at(least) == all[0] && at(most) == all[len(all)-1]
}

// canonical says whether v is what a number is as a float64: neither infinite nor -0.
func canonical(v float64) bool {
	return !math.IsInf(v, 0) && (v != 0 || !math.Signbit(v))
}
