package aggregate

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"

	"formation/worker/mapreduce/line"
)

// AppendKey appends a field of a group's key: its kind and, if it is not missing, its
// text with the length before it. A key is its fields one after the other. A Number and
// Other have to be JSON, or Merge refuses them.
func AppendKey(dst []byte, v line.Value) []byte {
	dst = append(dst, byte(v.Kind))
	if v.Kind == line.Missing {
		return dst
	}
	return append(binary.AppendUvarint(dst, uint64(len(v.Text))), v.Text...)
}

var errValue = errors.New("there is a value that is none of its kind")

// value reads what AppendKey wrote.
func (d *decoder) value() line.Value {
	kind := line.Kind(d.byte())
	if kind == line.Missing {
		return line.Value{}
	}
	text := d.bytes(int(d.uvarint(uint64(len(d.rest)))))
	if kind != line.String && kindOf(text) != kind {
		d.fail(errValue)
	}
	return line.Value{Kind: kind, Text: text}
}

// kindOf is what a JSON text is, with no blanks around it; String of what is neither a
// Number nor Other.
func kindOf(text []byte) line.Kind {
	if len(text) == 0 || !json.Valid(text) || len(bytes.TrimSpace(text)) < len(text) || text[0] == '"' {
		return line.String
	}
	if text[0] == '-' || text[0]-'0' < 10 {
		return line.Number
	}
	return line.Other
}

// fields reads all fields of a key.
func (d *decoder) fields() (fields []line.Value) {
	for len(d.rest) > 0 {
		fields = append(fields, d.value())
	}
	return fields
}
