package aggregate

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

var (
	errShort    = errors.New("it ends too early")
	errTrailing = errors.New("there is more behind it")
	errRange    = errors.New("there is a count or a length beyond its bounds")
)

// decoder reads what may come from anybody. After an error it has nothing left, and what
// it returns is empty.
type decoder struct {
	rest []byte
	err  error // the first

	filled []filled // room for bins
}

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.rest = nil
}

// bytes takes n bytes.
func (d *decoder) bytes(n int) []byte {
	if n > len(d.rest) {
		d.fail(errShort)
		return nil
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) byte() byte {
	if b := d.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if b := d.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// uvarint takes a number that is most at most, in the fewest bytes that it can have.
func (d *decoder) uvarint(most uint64) uint64 {
	v, n := binary.Uvarint(d.rest)
	switch {
	case n == 0:
		d.fail(errShort)
		return 0
	case n < 0 || v > most || n > max(1, (bits.Len64(v)+6)/7):
		d.fail(errRange)
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

// varint is uvarint for numbers of any sign, from -most to most.
func (d *decoder) varint(most uint64) int {
	u := d.uvarint(2 * most)
	return int(u>>1) ^ -int(u&1)
}

// end says what was wrong.
func (d *decoder) end() error {
	if d.err == nil && len(d.rest) > 0 {
		return errTrailing
	}
	return d.err
}
