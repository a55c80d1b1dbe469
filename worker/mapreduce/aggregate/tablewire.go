package aggregate

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// version is the first byte of all that is encoded. It changes with whatever is kept of a
// group.
const version = 1

// Encode divides the groups into partitions, by the hash of their keys, and encodes each;
// one with no groups has no bytes. The same groups have the same bytes.
//
// After the version come the funcs, a bit each, how many groups there are, and the groups,
// in the order of the bytes of their keys.
func (t *Table) Encode(partitions int) [][]byte {
	keys := make([][]string, partitions)
	for key := range t.groups {
		p := xxhash.Sum64String(key) % uint64(partitions)
		keys[p] = append(keys[p], key)
	}
	encoded := make([][]byte, partitions)
	for p, keys := range keys {
		if len(keys) > 0 {
			slices.Sort(keys)
			encoded[p] = t.encode(keys)
		}
	}
	return encoded
}

func (t *Table) encode(keys []string) []byte {
	b := binary.LittleEndian.AppendUint16([]byte{version}, set(t.funcs))
	b = binary.AppendUvarint(b, uint64(len(keys)))
	for _, key := range keys {
		b = append(binary.AppendUvarint(b, uint64(len(key))), key...)
		b = t.groups[key].append(b, &t.need)
	}
	return b
}

// set has a bit for each of funcs.
func set(list []Func) (bits uint16) {
	for _, f := range list {
		bits |= 1 << slices.Index(funcs[:], f)
	}
	return bits
}

var (
	errVersion = errors.New("they are of another version of this program")
	errFuncs   = errors.New("something else was computed of them")
	errOrder   = errors.New("their keys are not in order")
)

// Merge adds the groups of a partition that Encode made of a table with the same funcs.
// Whatever the bytes are, it returns an error for those that Encode would not have made,
// or an [*ErrFull]. The table is of no use then.
func (t *Table) Merge(encoded []byte) error {
	if len(encoded) == 0 {
		return nil
	}
	d := decoder{rest: encoded}
	if d.byte() != version {
		d.fail(errVersion)
	}
	if b := d.bytes(2); b != nil && binary.LittleEndian.Uint16(b) != set(t.funcs) {
		d.fail(errFuncs)
	}
	n := d.uvarint(uint64(len(encoded)))
	if d.err == nil && n == 0 {
		d.fail(errGroup)
	}
	var last []byte
	for i := range n {
		key := d.bytes(int(d.uvarint(uint64(len(d.rest)))))
		if d.err == nil && i > 0 && bytes.Compare(last, key) >= 0 {
			d.fail(errOrder)
		}
		last = key
		fields := decoder{rest: key}
		fields.fields()
		if fields.err != nil {
			d.fail(fields.err)
		}
		if d.err != nil {
			break
		}
		g, err := t.group(key)
		if err != nil {
			return err
		}
		d.group(g, &t.need)
		if err := t.weigh(g); err != nil {
			return err
		}
	}
	if err := d.end(); err != nil {
		return fmt.Errorf("groups that cannot be read: %w", err)
	}
	return nil
}
