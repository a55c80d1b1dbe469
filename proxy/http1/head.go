package http1

import "math"

// head is what requests' and responses' heads have in common: how far one has been
// read, and what its fields said. The zero value is a head's beginning.
type head struct {
	at    int // where the part begins that is read now
	read  int // up to where it was looked at
	stage stage
	fault fault
	line  line

	minor  uint8
	status int // 0 in a request

	has    has
	length int64
	names  int // how many fields Connection names
	host   Span
	id     Span
}

// stage is the part of a head that is read now. Requests and responses begin at
// different ones.
type stage uint8

const (
	inBegin stage = iota
	inMethod
	inTargetForm
	inAuthority
	inTarget
	inVersion
	inStatus
	inReason
	inFields
	inNothing // the head is over
)

// has are the facts about a head's fields.
type has uint16

const (
	hasHost has = 1 << iota
	hasLength
	hasChunked
	hasClose
	hasKeepAlive
	hasUpgradeOption
	hasUpgrade
	hasH2C
	hasNomination // Connection names fields that are not hop-by-hop of themselves
	hasExpect
	hasID
)

// Values that are known. Not to be changed.
var (
	closeOption         = []byte("close")
	chunkedCoding       = []byte("chunked")
	continueExpectation = []byte("100-continue")
)

// maxOptions is how many fields Connection may name. Each is looked for among all
// fields, so there has to be a bound; a sender that means well names two or three.
const maxOptions = 64

// scan reads the field section at h.at up to its end, and returns it with the fields
// and where it ends, or 0 while the end has not come.
func (h *head) scan(b []byte, l Limits, fields []Field) ([]Field, int, fault) {
	at := h.at
	for at < len(b) {
		if b[at] == '\r' { // no field name begins so
			if at+1 == len(b) {
				break
			}
			if b[at+1] != '\n' {
				return fields, 0, bareCR
			}
			h.stage = inNothing
			if h.has&hasNomination != 0 {
				nominate(b, fields)
			}
			h.at = at + 2
			return fields, h.at, noFault
		}
		n := len(fields)
		if n >= l.Fields {
			return fields, 0, tooManyFields
		}
		if n == cap(fields) {
			fields = grow(fields)
		}
		f := &fields[:n+1][n]
		next, fault := h.line.scan(b, at, f)
		if fault != noFault {
			return fields, 0, fault
		}
		if next == 0 {
			break
		}
		fields = fields[:n+1]
		at = next
		if f.Kind != Other {
			if fault := h.note(b, f); fault != noFault {
				return fields, 0, fault
			}
		}
	}
	h.at = at
	return fields, 0, noFault
}

// grow makes room for more fields.
func grow(fields []Field) []Field {
	more := make([]Field, len(fields), max(32, 2*len(fields)))
	copy(more, fields)
	return more
}

// note takes down what f, whose kind is known, says about the message.
func (h *head) note(b []byte, f *Field) fault {
	value := f.Value.Of(b)
	switch f.Kind {
	case Host:
		if h.status != 0 {
			return noFault // means nothing in a response
		}
		if h.has&hasHost != 0 {
			return repeatedHost
		}
		if !validHost(value) {
			return badHost
		}
		h.has |= hasHost
		h.host = f.Value
	case ContentLength:
		return h.noteLength(value)
	case TransferEncoding:
		return h.noteCoding(value)
	case Connection:
		return h.noteConnection(value)
	case Upgrade:
		h.has |= hasUpgrade
		if namesH2C(value) {
			h.has |= hasH2C
		}
	case HTTP2Settings:
		h.has |= hasH2C
	case Expect:
		if h.status != 0 {
			return noFault // means nothing in a response
		}
		if !isLower(value, continueExpectation) {
			return badExpect
		}
		h.has |= hasExpect
	case XRequestID:
		if h.has&hasID == 0 && len(value) > 0 {
			h.has |= hasID
			h.id = f.Value
		}
	}
	return noFault
}

// noteLength reads Content-Length (RFC 9112, 6.3). A second one is refused even if it
// says the same, and so is a list of values.
func (h *head) noteLength(value []byte) fault {
	switch {
	case h.has&hasLength != 0:
		return repeatedLength
	case h.has&hasChunked != 0:
		return lengthWithCoding
	case len(value) == 0:
		return badLength
	}
	n := int64(0)
	for _, c := range value {
		d := int64(c - '0')
		if c < '0' || d > 9 {
			return badLength
		}
		if n > (math.MaxInt64-d)/10 {
			return lengthTooLarge
		}
		n = n*10 + d
	}
	if (isInterim(h.status) || h.status == 204) && n != 0 { // some say 0, which is true
		return lengthWithStatus
	}
	h.has |= hasLength
	h.length = n
	return noFault
}

// noteCoding reads Transfer-Encoding (RFC 9112, 6.1). Only "chunked" by itself is
// taken, in any letter case. A list of other codings is unsupported, chunked twice or
// with another before it included; anything else is malformed, also what a list may
// have elsewhere: parameters and empty elements.
func (h *head) noteCoding(value []byte) fault {
	switch {
	case h.minor == 0:
		return codingInHTTP10
	case isInterim(h.status) || h.status == 204:
		return codingWithStatus
	case h.has&hasChunked != 0:
		return repeatedCoding
	case h.has&hasLength != 0:
		return lengthWithCoding
	case !isLower(value, chunkedCoding):
		if isTokenList(value) {
			return unsupportedCoding
		}
		return badCoding
	}
	h.has |= hasChunked
	return noFault
}

// noteConnection reads Connection (RFC 9110, 7.6.1), a list of tokens; empty elements
// are skipped. Most have one token, which is known.
func (h *head) noteConnection(value []byte) fault {
	switch {
	case isLower(value, kindNames[KeepAlive]):
		h.has |= hasKeepAlive
		return noFault
	case isLower(value, closeOption):
		h.has |= hasClose
		return noFault
	}
	for at := 0; at < len(value); {
		var option []byte
		option, at = element(value, at)
		if len(option) == 0 {
			continue
		}
		if skipToken(option, 0) != len(option) {
			return badConnection
		}
		switch k := kindOf(option); {
		case isLower(option, closeOption):
			h.has |= hasClose
		case k == KeepAlive:
			h.has |= hasKeepAlive
		case k == Upgrade:
			h.has |= hasUpgradeOption
		case !hopByHop[k]:
			if h.names++; h.names > maxOptions {
				return tooManyOptions
			}
			h.has |= hasNomination
		}
	}
	return noFault
}

// keepAlive says whether the sender wants the connection to go on (RFC 9112, 9.3).
func (h *head) keepAlive() bool {
	if h.minor == 0 {
		return h.has&(hasClose|hasKeepAlive) == hasKeepAlive
	}
	return h.has&hasClose == 0
}

// upgrade says whether the sender wants another protocol (RFC 9110, 7.8). Never HTTP/2:
// a proxy that lets a client and an instance agree on that behind its back no longer
// sees their requests.
func (h *head) upgrade() bool {
	return h.minor == 1 && h.has&(hasUpgradeOption|hasUpgrade|hasH2C) == hasUpgradeOption|hasUpgrade
}

// framing returns what the fields say about the body.
func (h *head) framing() (length int64, given, chunked bool) {
	if h.has&hasChunked != 0 {
		return -1, false, true
	}
	return h.length, h.has&hasLength != 0, false
}

// isInterim says whether a status is one of a response that precedes the final one.
func isInterim(status int) bool { return status != 0 && status < 200 }
