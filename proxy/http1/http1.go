// Package http1 is the wire of HTTP/1.1 (RFC 9110, RFC 9112) for a proxy: it reads the
// heads of requests and responses and decodes the chunked coding. It does no I/O,
// copies nothing, and allocates nothing once a Request or Response has grown its slice
// of fields.
//
// It is strict: a message whose framing two parsers could read differently is refused,
// and so is what only an attacker or a broken program sends, at the first byte that
// shows it. What is wrong with a field's value shows when its line is over; what is
// missing (a Host), when the head is. How the input is cut into calls never changes
// the result, and costs time in proportion to the input's length.
//
// Where the RFCs leave a choice, the choice is written at the function that makes it.
package http1

import "math"

// Limits bound a head, or the trailer section of a chunked body. The zero value lets
// nothing through.
type Limits struct {
	// Bytes is the length of a whole head, from its first byte to the last of the empty
	// line that ends it. What counts is at most 2 GiB, whatever it says.
	Bytes int
	// Fields is the number of field lines.
	Fields int
}

// within returns the part of b that l.Bytes lets count. Nothing after it is ever looked
// at, so that the result does not depend on how much has arrived.
func (l Limits) within(b []byte) []byte {
	return b[:min(len(b), l.bytes())]
}

func (l Limits) bytes() int { return max(0, min(l.Bytes, math.MaxInt32)) }

// Span is a part of the buffer that a head was parsed from. The zero value is empty. It
// stays good when the buffer's bytes move together.
type Span struct{ Start, End uint32 }

// Of returns the span's bytes in b, the buffer that was parsed or a copy of it.
func (s Span) Of(b []byte) []byte { return b[s.Start:s.End] }

// Len returns the number of bytes.
func (s Span) Len() int { return int(s.End - s.Start) }

func span(start, end int) Span { return Span{uint32(start), uint32(end)} }
