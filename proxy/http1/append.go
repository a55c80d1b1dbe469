package http1

import "strconv"

// AppendField appends the field line "name: value" with its end of line to dst. Name
// and value are not examined.
func AppendField(dst, name, value []byte) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

// AppendChunkSize appends the line that precedes a chunk of n bytes (RFC 9112, 7.1) to
// dst. The chunk of no bytes is the last. n is not negative.
func AppendChunkSize(dst []byte, n int) []byte {
	dst = strconv.AppendUint(dst, uint64(n), 16)
	return append(dst, "\r\n"...)
}
