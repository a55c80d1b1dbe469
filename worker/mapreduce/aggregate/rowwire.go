package aggregate

import (
	"encoding/binary"
	"errors"
	"fmt"

	"formation/worker/mapreduce/line"
)

// AppendRow appends a row to others: how many fields its key has, these, how many values
// it has, and these.
func AppendRow(dst []byte, r Row) []byte {
	for _, values := range [...][]line.Value{r.Key, r.Values} {
		dst = binary.AppendUvarint(dst, uint64(len(values)))
		for _, v := range values {
			dst = AppendKey(dst, v)
		}
	}
	return dst
}

var errComputed = errors.New("there is a value that cannot have been computed")

// DecodeRows calls do with each row that AppendRow appended; they share the memory of b.
// It returns the first error of do, or one that says what is wrong with b.
func DecodeRows(b []byte, do func(Row) error) error {
	d := decoder{rest: b}
	for len(d.rest) > 0 {
		r := Row{Key: d.values(), Values: d.values()}
		for _, v := range r.Values {
			if v.Kind != line.Number && (v.Kind != line.Other || string(v.Text) != null) {
				d.fail(errComputed)
			}
		}
		if d.err != nil {
			return fmt.Errorf("rows that cannot be read: %w", d.err)
		}
		if err := do(r); err != nil {
			return err
		}
	}
	return nil
}

// values reads values with their number before them.
func (d *decoder) values() (values []line.Value) {
	for range d.uvarint(uint64(len(d.rest))) {
		if values = append(values, d.value()); d.err != nil {
			return nil
		}
	}
	return values
}
