package aggregate

import (
	"encoding/binary"
	"errors"
	"math/bits"

	"github.com/DataDog/sketches-go/ddsketch/mapping"
	"github.com/DataDog/sketches-go/ddsketch/store"
)

// accuracy is how far from a bin's middle its numbers are at most, relative to it.
const accuracy = 0.0094

// ruler says which bin a number above 0 is in.
var ruler, _ = mapping.NewCubicallyInterpolatedMapping(accuracy) // fails for others than from 0 to 1

// bins counts numbers above 0 in bins, each a little wider than the one before. It has
// memory for where numbers are, and never joins two bins, so that merging is exact.
type bins struct {
	store     *store.BufferedPaginatedStore // nil: there are none
	count     int64
	low, high int32 // the first bin and the last
}

const (
	// What the store takes beside its numbers.
	storeBytes = 80
	// Of so many numbers it keeps each bin by itself, or all bins that are neighbours as
	// a page, whatever is less.
	pageBins  = 32
	pageBytes = 8 * pageBins
)

// add counts n numbers in a bin. It says whether b may be larger now.
func (b *bins) add(bin int, n int64) (grown bool) {
	if b.store == nil {
		b.store = store.NewBufferedPaginatedStore()
		b.low, b.high = int32(bin), int32(bin)
		grown = true
	}
	if n < pageBins {
		for range n {
			b.store.Add(bin)
		}
	} else {
		b.store.AddWithCount(bin, float64(n))
	}
	before := b.count
	b.count += n
	if int32(bin) < b.low {
		b.low, grown = int32(bin), true
	}
	if int32(bin) > b.high {
		b.high, grown = int32(bin), true
	}
	return grown || bits.Len64(uint64(before)) != bits.Len64(uint64(b.count))
}

// bytes is how much memory b takes beside itself, about, and rather too much.
func (b *bins) bytes() int {
	if b.store == nil {
		return 0
	}
	most := 1 << min(20, bits.Len64(uint64(b.count))) // it is asked again when there are as many
	if most <= 2*pageBins {
		return storeBytes + 8*max(most, 4)
	}
	pages := int(b.high)/pageBins - int(b.low)/pageBins + 2
	return storeBytes + min(16*most, (pageBytes+64)*pages) + 32*pages
}

// at returns the middle of the bin of the number of a rank, from 0.
func (b *bins) at(rank int64) float64 { return ruler.Value(b.store.KeyAtRank(float64(rank))) }

var errBins = errors.New("there are bins of numbers that are none")

// append appends b: how many bins have numbers, and of each how far it is from the one
// before, or from the first there can be, and its count.
func (b *bins) append(dst []byte) []byte {
	if b.store == nil {
		return binary.AppendUvarint(dst, 0)
	}
	n := uint64(0)
	b.store.ForEach(func(int, float64) bool {
		n++
		return false
	})
	dst = binary.AppendUvarint(dst, n)
	last := firstBin() - 1
	b.store.ForEach(func(bin int, count float64) bool {
		dst = binary.AppendUvarint(dst, uint64(bin-last))
		dst = binary.AppendUvarint(dst, uint64(count))
		last = bin
		return false
	})
	return dst
}

// filled is a bin and how many numbers are in it.
type filled struct {
	bin int
	n   int64
}

// bins reads what append wrote, of so many numbers at most, and says of how many it was.
func (d *decoder) bins(dst []filled, most int64) (list []filled, count int64) {
	bin := firstBin() - 1
	for range d.uvarint(uint64(len(d.rest))) {
		step := d.uvarint(uint64(lastBin() - bin))
		n := int64(d.uvarint(uint64(most - count)))
		if step == 0 || n == 0 {
			d.fail(errBins)
			return dst, 0
		}
		bin += int(step)
		count += n
		dst = append(dst, filled{bin, n})
	}
	return dst, count
}

func firstBin() int { return ruler.Index(ruler.MinIndexableValue()) }
func lastBin() int  { return ruler.Index(ruler.MaxIndexableValue()) }
