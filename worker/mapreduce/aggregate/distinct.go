package aggregate

import (
	"encoding/binary"
	"errors"

	"github.com/axiomhq/hyperloglog"
	"github.com/cespare/xxhash/v2"

	"formation/worker/mapreduce/line"
)

// distinct estimates how many values there are, by a HyperLogLog of 2^14 registers of a
// byte. Up to some thousand values it keeps 25 bits of the hash of each instead, which is
// exact, or nearly.
//
// Two values are the same if they would be one group's key.
type distinct struct {
	sketch *hyperloglog.Sketch
	size   int // bytes of memory, about
	adds   int // so far, until size does not change any more
	next   int // how many adds it is next looked at after
}

const (
	precision = 14
	registers = 1 << precision
	// What a sketch takes with no more than fewValues, with all its registers, and from
	// how many values on these are reckoned with: it has them from about 7000 on.
	fewBytes   = 400
	manyBytes  = registers + 512
	fewValues  = 16
	manyValues = 4096
	// How many adds there may be until size is looked at again.
	maxUnseen = 256
)

func newDistinct() *distinct {
	return &distinct{sketch: hyperloglog.New14(), size: fewBytes, next: fewValues}
}

func (d *distinct) add(v line.Value) {
	var hash xxhash.Digest
	hash.ResetWithSeed(uint64(v.Kind))
	_, _ = hash.Write(v.Text) // never fails
	d.sketch.InsertHash(hash.Sum64())
	if d.size == manyBytes {
		return
	}
	if d.adds++; d.adds == d.next {
		d.next += min(d.adds, maxUnseen)
		d.measure()
	}
}

// measure is quick while there are few values, and is not called when there are many.
func (d *distinct) measure() {
	n := int(d.sketch.Estimate())
	if n >= manyValues {
		d.size = manyBytes
		return
	}
	d.size = max(d.size, fewBytes+12*min(n, 171)+4*n)
}

// estimate returns how many values there are, about. Of the same values it is the same,
// however they came together: the sketch forgets here how they did.
func (d *distinct) estimate() uint64 {
	if d == nil {
		return 0
	}
	return d.sketch.Estimate()
}

// merge adds the values of other.
func (d *distinct) merge(other *distinct) {
	// Sketches of one precision, as all are, merge without an error.
	_ = d.sketch.Merge(other.sketch)
	if d.size != fewBytes || other.size != fewBytes {
		d.sketch = d.sketch.Clone() // without the room that merging took
	}
	if d.size = max(d.size, other.size); d.size < manyBytes {
		d.measure()
	}
}

var errDistinct = errors.New("there is a sketch of distinct values that is none")

// The library's encoding: a header, and then registers, or values as a list that its
// values in no order yet come before.
const (
	headBytes = 8
	listHead  = headBytes + 12
	isList    = 3 // the byte that says which
	unordered = 4 // the four bytes of their number
)

// append appends d, always in the same way for the same values; nothing for none.
func (d *distinct) append(dst []byte) []byte {
	if d == nil {
		return binary.AppendUvarint(dst, 0)
	}
	b, _ := d.sketch.MarshalBinary() // fails for none that newDistinct makes
	if b[isList] == 1 {
		d.sketch.Estimate() // puts all in order
		b, _ = d.sketch.MarshalBinary()
	}
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// distinct reads what append wrote.
func (d *decoder) distinct() *distinct {
	b := d.bytes(int(d.uvarint(listHead + registers)))
	if len(b) == 0 {
		return nil
	}
	if len(b) < headBytes || b[0] != 2 || b[1] != precision ||
		b[isList] == 1 && (len(b) == listHead || binary.LittleEndian.Uint32(b[unordered:]) != 0) {
		d.fail(errDistinct)
		return nil
	}
	out := newDistinct()
	if err := out.sketch.UnmarshalBinary(b); err != nil {
		d.fail(errDistinct)
		return nil
	}
	if b[isList] == 1 {
		out.measure()
	} else {
		out.size = manyBytes
	}
	return out
}
