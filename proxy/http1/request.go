package http1

import "encoding/binary"

// Request is a request's head (RFC 9112, 3 and 5). The zero value is ready for Parse;
// between two heads it wants a Reset. Its fields are good when Parse has returned the
// head's length.
type Request struct {
	Method Span
	// Target is the request target as it came.
	Target Span
	// Path is what to forward of it (RFC 9112, 3.2): path and query, or "*". For a
	// target in absolute-form it is what follows the authority, and may lack the path:
	// AppendTarget knows.
	Path Span
	// Authority is what Host is to say: the authority of a target in absolute-form,
	// which replaces the field (RFC 9112, 3.2.2), or the field's value. It is empty in
	// HTTP/1.0 without Host.
	Authority Span
	Minor     uint8 // of the version: 0 or 1
	Fields    []Field

	Length    int64 // Content-Length; 0 when there is none, -1 when Chunked
	HasLength bool  // there is a Content-Length
	Chunked   bool  // there is a Transfer-Encoding, which is chunked

	// KeepAlive says that the client wants the connection to go on: HTTP/1.1 without
	// close, or HTTP/1.0 with keep-alive (RFC 9112, 9.3).
	KeepAlive bool
	// Expect says that the client waits for 100 (Continue). Never in HTTP/1.0
	// (RFC 9110, 10.1.1).
	Expect bool
	// Upgrade says that the client offers another protocol: there are an Upgrade field
	// and a Connection that names it, and no word of h2c. Never in HTTP/1.0.
	Upgrade bool
	// Idempotent says that the method is (RFC 9110, 9.2.2). Methods that are not known
	// are not.
	Idempotent bool
	Head       bool // the method is HEAD

	// RequestID is the value of the first X-Request-Id that has one. Empty when none has.
	RequestID Span

	head     head
	options  bool // the method is OPTIONS
	absolute bool // the target is in absolute-form
}

// Reset makes r ready for the next head. It keeps room for as many fields as r had.
func (r *Request) Reset() { *r = Request{Fields: r.Fields[:0]} }

// Parse goes on with the head at the start of b. It returns the head's length when it is
// whole, and 0 while it wants more bytes: then it is to be called again with the same
// bytes and more, which may have moved. One empty line before the request line is
// taken, and counts (RFC 9112, 2.2).
//
// Errors are of type *Error. They stay, and so does the length of a head that is whole.
func (r *Request) Parse(b []byte, l Limits) (n int, err error) {
	h := &r.head
	switch {
	case h.fault != noFault:
		return 0, &requestErrors[h.fault]
	case h.stage == inNothing:
		return h.at, nil
	}
	in := l.within(b)
	fault := noFault
	if h.stage < inFields {
		fault = r.parseLine(in)
	}
	if fault == noFault && h.stage == inFields {
		r.Fields, n, fault = h.scan(in, l, r.Fields)
		if n > 0 {
			fault = r.finish()
		}
	}
	if fault == noFault && n == 0 && len(in) == l.bytes() {
		fault = headTooLarge
		if h.stage < inFields {
			fault = requestLineTooLong
		}
	}
	if fault != noFault {
		h.fault = fault
		return 0, &requestErrors[fault]
	}
	return n, nil
}

// finish is for a head that is whole: what the fields said goes where it is found.
func (r *Request) finish() fault {
	h := &r.head
	if h.has&hasHost == 0 && h.minor == 1 {
		return missingHost
	}
	if !r.absolute {
		r.Authority = h.host
	}
	r.Length, r.HasLength, r.Chunked = h.framing()
	r.KeepAlive = h.keepAlive()
	r.Upgrade = h.upgrade()
	r.Expect = h.has&hasExpect != 0 && h.minor == 1
	r.RequestID = h.id
	return noFault
}

// parseLine reads the request line: a method, a target and a version, with one space
// between them (RFC 9112, 3), and what may precede it.
func (r *Request) parseLine(b []byte) fault {
	h := &r.head
	switch h.stage {
	case inBegin:
		if len(b) == 0 {
			return noFault
		}
		if b[0] == '\r' {
			if len(b) == 1 {
				return noFault
			}
			if b[1] != '\n' {
				return bareCR
			}
			h.at = 2
		}
		h.read = h.at
		h.stage = inMethod
		fallthrough

	case inMethod:
		i := h.read
		for i < len(b) && is(tokenByte, b[i]) {
			i++
		}
		if i == len(b) {
			h.read = i
			return noFault
		}
		if b[i] == '\n' {
			return bareLF
		}
		if b[i] != ' ' || i == h.at {
			return badMethod
		}
		r.Method = span(h.at, i)
		if fault := r.noteMethod(b[h.at:i]); fault != noFault {
			return fault
		}
		h.at = i + 1
		h.stage = inTargetForm
		fallthrough

	case inTargetForm:
		if done, fault := r.parseForm(b); !done {
			return fault
		}
		if h.stage == inTarget {
			return r.parseTarget(b)
		}
		fallthrough

	case inAuthority:
		i := h.read
		for i < len(b) && is(targetByte, b[i]) && b[i] != '/' && b[i] != '?' {
			i++
		}
		h.read = i
		if i == len(b) {
			return noFault
		}
		if b[i] != '/' && b[i] != '?' && b[i] != ' ' {
			return targetFault(b[i])
		}
		start := int(r.Authority.Start)
		if !validHost(b[start:i]) {
			return badAuthority
		}
		r.Authority.End = uint32(i)
		r.Path.Start = uint32(i)
		h.stage = inTarget
		fallthrough

	case inTarget:
		return r.parseTarget(b)

	case inVersion:
		return r.parseVersion(b)
	}
	return noFault
}

// parseTarget reads the rest of the target, whose form is known.
func (r *Request) parseTarget(b []byte) fault {
	h := &r.head
	i := skipTarget(b, h.read)
	h.read = i
	if i == len(b) {
		return noFault
	}
	if b[i] != ' ' {
		return targetFault(b[i])
	}
	r.Target = span(h.at, i)
	r.Path.End = uint32(i)
	h.at = i + 1
	h.stage = inVersion
	return r.parseVersion(b)
}

// parseVersion reads the version and the end of the line. It begins anew when it is
// called again: these are ten bytes.
func (r *Request) parseVersion(b []byte) fault {
	h := &r.head
	v := b[h.at:]
	if len(v) >= len("HTTP/1.1\r\n") && binary.LittleEndian.Uint64(v) == http11 && v[8] == '\r' && v[9] == '\n' {
		h.minor = 1
	} else {
		done, fault := version(v, &h.minor)
		if !done {
			return fault
		}
		if len(v) < 9 {
			return noFault
		}
		if v[8] != '\r' {
			if v[8] == '\n' {
				return bareLF
			}
			return requestLineEnd
		}
		if len(v) < 10 {
			return noFault
		}
		if v[9] != '\n' {
			return bareCR
		}
	}
	r.Minor = h.minor
	h.at += len("HTTP/1.1\r\n")
	h.stage = inFields
	return noFault
}

// noteMethod takes down what is to be known about the method. Methods are case
// sensitive, and any token is one (RFC 9110, 9.1).
func (r *Request) noteMethod(method []byte) fault {
	switch string(method) {
	case "GET", "PUT", "DELETE", "TRACE":
		r.Idempotent = true
	case "HEAD":
		r.Idempotent = true
		r.Head = true
	case "OPTIONS":
		r.Idempotent = true
		r.options = true
	case "CONNECT":
		return connectMethod
	}
	return noFault
}
