package http1

import "math"

// Chunked decodes the chunked coding (RFC 9112, 7.1) as it arrives. Reset makes it ready
// for a body; the zero value is too, but takes no trailer fields and no end.
//
// A size is one to 16 hexadecimal digits, which the end of the line or a semicolon
// follow at once. Extensions are skipped: after the semicolon there may be anything
// but control characters, 1 KiB of it in a body.
type Chunked struct {
	// Data is the part of a chunk that came with the event ChunkData.
	Data []byte
	// Field is the field that came with the event TrailerField. Its spans are those of
	// the b that was given to Next. Its Hop says that a proxy is to leave it out.
	Field Field

	state      chunkState
	fault      fault
	digits     uint8 // of the size that is read now
	left       int64 // that size, then the bytes of the chunk still to come
	extensions int   // bytes of extensions so far
	limits     Limits
	trailer    int // bytes of the trailer section before the line that is read now
	fields     int
	line       line
}

// Event is what Next came upon.
type Event uint8

const (
	More         Event = iota // nothing but what was consumed
	ChunkData                 // Data
	TrailerField              // Field
	End                       // the body is over
)

type chunkState uint8

const (
	inSize chunkState = iota
	inExtension
	inSizeEnd // the line feed
	inData
	inDataCR
	inDataLF
	inTrailer
	inEnd
)

const (
	maxSizeDigits = 16
	maxExtensions = 1 << 10
)

// Reset makes c ready for the next body. The limits bound its trailer section: Bytes is
// all of it with the empty line.
func (c *Chunked) Reset(l Limits) { *c = Chunked{limits: l} }

// Next goes on with the body at the start of b and consumes n bytes of it:
//
//   - More: b holds nothing else to tell. To be called again with the rest of b, which
//     is at most a trailer field's line that is not whole, and more.
//   - ChunkData: Data is a part of b.
//   - TrailerField: Field is of b.
//   - End: the body is over. What follows in b is the next message. Next goes on to
//     return that and 0.
//
// Errors are of type *Error, and stay. Their Status is what to answer a request with
// such a body.
func (c *Chunked) Next(b []byte) (e Event, n int, err error) {
	e, n, c.fault = c.next(b)
	if c.fault != noFault {
		return More, n, &requestErrors[c.fault]
	}
	return e, n, nil
}

func (c *Chunked) next(b []byte) (e Event, n int, _ fault) {
	if c.fault != noFault {
		return More, 0, c.fault
	}
	for n < len(b) {
		switch c.state {
		case inSize:
			for n < len(b) && is(hexByte, b[n]) {
				if c.digits++; c.digits > maxSizeDigits || c.left > math.MaxInt64>>4 {
					return More, n, chunkTooLarge
				}
				c.left = c.left<<4 | int64(hexValue(b[n]))
				n++
			}
			if n == len(b) {
				return More, n, noFault
			}
			switch {
			case c.digits == 0:
				return More, n, lineFault(b[n], badChunkSize)
			case b[n] == '\r':
				c.state = inSizeEnd
				n++
			case b[n] == ';':
				c.state = inExtension
			default:
				return More, n, lineFault(b[n], badChunkSize)
			}

		case inExtension:
			for n < len(b) && is(valueByte, b[n]) {
				if c.extensions++; c.extensions > maxExtensions {
					return More, n, extensionsTooLong
				}
				n++
			}
			if n == len(b) {
				return More, n, noFault
			}
			if b[n] != '\r' {
				return More, n, lineFault(b[n], badExtension)
			}
			c.state = inSizeEnd
			n++

		case inSizeEnd:
			if b[n] != '\n' {
				return More, n, bareCR
			}
			n++
			c.digits = 0
			c.state = inData
			if c.left == 0 {
				c.state = inTrailer
			}

		case inData:
			start := n
			n += int(min(c.left, int64(len(b)-n)))
			c.Data = b[start:n]
			if c.left -= int64(n - start); c.left == 0 {
				c.state = inDataCR
			}
			return ChunkData, n, noFault

		case inDataCR:
			if b[n] != '\r' {
				return More, n, badChunkEnd
			}
			c.state = inDataLF
			n++

		case inDataLF:
			if b[n] != '\n' {
				return More, n, badChunkEnd
			}
			c.state = inSize
			n++

		case inTrailer:
			return c.nextTrailer(b, n)

		case inEnd:
			return End, n, noFault
		}
	}
	switch c.state {
	case inTrailer:
		return c.nextTrailer(b, n) // there may be no room for more
	case inEnd:
		return End, n, noFault
	}
	return More, n, noFault
}

// nextTrailer reads the line of the trailer section (RFC 9112, 7.1.2) at b[n:].
func (c *Chunked) nextTrailer(b []byte, n int) (Event, int, fault) {
	limit := c.limits.bytes() - c.trailer
	in := b[:n+min(len(b)-n, limit)]
	if n < len(in) && in[n] == '\r' { // no field name begins so
		if n+1 < len(in) {
			if in[n+1] != '\n' {
				return More, n, bareCR
			}
			c.state = inEnd
			return End, n + 2, noFault
		}
	} else if n < len(in) {
		if c.fields >= c.limits.Fields {
			return More, n, tooManyTrailers
		}
		next, fault := c.line.scan(in, n, &c.Field)
		if fault == noFault && next > 0 {
			fault = noteTrailer(in, &c.Field)
		}
		if fault != noFault {
			return More, n, fault
		}
		if next > 0 {
			c.fields++
			c.trailer += next - n
			return TrailerField, next, noFault
		}
	}
	if len(in)-n == limit {
		return More, n, trailerTooLarge
	}
	return More, n, noFault
}

// hexValue returns the value of a hexadecimal digit.
func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return (c | 0x20) - 'a' + 10
}
