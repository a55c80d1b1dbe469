package http1

import "encoding/binary"

// Response is a response's head (RFC 9112, 4 and 5). The zero value is ready for Parse;
// between two heads it wants a Reset, also after one whose status is 1xx. Its fields are
// good when Parse has returned the head's length.
type Response struct {
	Status int
	Reason Span  // may be empty
	Minor  uint8 // of the version: 0 or 1
	Fields []Field

	Length    int64 // Content-Length; 0 when there is none, -1 when Chunked
	HasLength bool  // there is a Content-Length
	Chunked   bool  // there is a Transfer-Encoding, which is chunked

	// KeepAlive says that the connection may be used again, as far as the head tells:
	// not if the body ends ByClose.
	KeepAlive bool
	// Upgrade says that there are an Upgrade field and a Connection that names it, and
	// no word of h2c. Never in HTTP/1.0. The connection changes its protocol only if
	// Status is 101, too.
	Upgrade bool

	head head
}

// Framing is how a body ends.
type Framing uint8

const (
	NoBody   Framing = iota // there is none
	ByLength                // after Length bytes, which may be 0
	ByChunks                // with the last chunk and the trailer section
	ByClose                 // with the connection
)

// Body says how the response's body ends (RFC 9112, 6.3). head tells that the request
// was HEAD, whose responses have none, whatever the fields say; nor have those of
// status 1xx, 204 and 304.
func (r *Response) Body(head bool) Framing {
	switch {
	case head || r.Status < 200 || r.Status == 204 || r.Status == 304:
		return NoBody
	case r.Chunked:
		return ByChunks
	case r.HasLength:
		return ByLength
	}
	return ByClose
}

// Reset makes r ready for the next head. It keeps room for as many fields as r had.
func (r *Response) Reset() { *r = Response{Fields: r.Fields[:0]} }

// Parse goes on with the head at the start of b. It returns the head's length when it is
// whole, and 0 while it wants more bytes: then it is to be called again with the same
// bytes and more, which may have moved.
//
// Errors are of type *Error, and stay.
func (r *Response) Parse(b []byte, l Limits) (n int, err error) {
	h := &r.head
	if h.fault != noFault {
		return 0, &responseErrors[h.fault]
	}
	in := l.within(b)
	fault := noFault
	if h.stage < inFields {
		fault = r.parseLine(in)
	}
	if fault == noFault && h.stage == inFields {
		r.Fields, n, fault = h.scan(in, l, r.Fields)
		if n > 0 {
			r.Length, r.HasLength, r.Chunked = h.framing()
			r.KeepAlive = h.keepAlive()
			r.Upgrade = h.upgrade()
		}
	}
	if fault == noFault && n == 0 && len(in) == l.bytes() {
		fault = headTooLarge
	}
	if fault != noFault {
		h.fault = fault
		return 0, &responseErrors[fault]
	}
	return n, nil
}

// parseLine reads the status line (RFC 9112, 4). The space after the status code may be
// missing if there is no reason phrase.
func (r *Response) parseLine(b []byte) fault {
	h := &r.head
	const codeAt, codeEnd = len("HTTP/1.1 "), len("HTTP/1.1 200")
	if h.stage != inReason { // begins anew when it is called again: these are 13 bytes
		if len(b) >= 8 && binary.LittleEndian.Uint64(b) == http11 {
			h.minor = 1
		} else if done, fault := version(b, &h.minor); !done {
			return fault
		}
		if len(b) < codeAt {
			return noFault
		}
		if b[codeAt-1] != ' ' {
			return lineFault(b[codeAt-1], badVersion)
		}
		code := 0
		for i := codeAt; i < codeEnd; i++ {
			if i == len(b) {
				return noFault
			}
			if !is(digitByte, b[i]) || i == codeAt && b[i] == '0' {
				return lineFault(b[i], badStatus)
			}
			code = code*10 + int(b[i]-'0')
		}
		if len(b) == codeEnd {
			return noFault
		}
		h.at = codeEnd
		switch b[codeEnd] {
		case ' ':
			h.at++
		case '\r':
		default:
			return lineFault(b[codeEnd], badStatus)
		}
		r.Status, h.status = code, code
		r.Minor = h.minor
		h.read = h.at
		h.stage = inReason
	}
	i := skipValue(b, h.read)
	h.read = i
	if i == len(b) {
		return noFault
	}
	if b[i] != '\r' {
		return lineFault(b[i], badReason)
	}
	if i+1 == len(b) {
		return noFault
	}
	if b[i+1] != '\n' {
		return bareCR
	}
	r.Reason = span(h.at, i)
	h.at = i + 2
	h.stage = inFields
	return noFault
}

// lineFault is other, unless c is the end of a line that is not one.
func lineFault(c byte, other fault) fault {
	if c == '\n' {
		return bareLF
	}
	return other
}
