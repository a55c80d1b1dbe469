package http1

import "encoding/binary"

// Kind tells the fields apart that a proxy has to know.
type Kind uint8

// The kinds, called after the fields' names. Other is any field that is not listed.
const (
	Other Kind = iota
	Host
	ContentLength
	TransferEncoding
	Connection
	KeepAlive
	ProxyConnection
	ProxyAuthenticate
	ProxyAuthorization
	TE
	Trailer
	Upgrade
	HTTP2Settings
	Expect
	Forwarded
	XForwardedFor
	XForwardedProto
	XForwardedHost
	XRequestID

	// Masked is a field whose name has underscores where that of a known one has hyphens:
	// many frameworks (CGI's heirs) make the same variable of both, so that a client could
	// speak in the proxy's name.
	Masked

	kinds // how many there are
)

// kindNames are the names in lower case.
var kindNames = [kinds][]byte{
	Host:               []byte("host"),
	ContentLength:      []byte("content-length"),
	TransferEncoding:   []byte("transfer-encoding"),
	Connection:         []byte("connection"),
	KeepAlive:          []byte("keep-alive"),
	ProxyConnection:    []byte("proxy-connection"),
	ProxyAuthenticate:  []byte("proxy-authenticate"),
	ProxyAuthorization: []byte("proxy-authorization"),
	TE:                 []byte("te"),
	Trailer:            []byte("trailer"),
	Upgrade:            []byte("upgrade"),
	HTTP2Settings:      []byte("http2-settings"),
	Expect:             []byte("expect"),
	Forwarded:          []byte("forwarded"),
	XForwardedFor:      []byte("x-forwarded-for"),
	XForwardedProto:    []byte("x-forwarded-proto"),
	XForwardedHost:     []byte("x-forwarded-host"),
	XRequestID:         []byte("x-request-id"),
}

// hopByHop are the kinds that belong to one connection, whatever Connection says
// (RFC 9110, 7.6.1; HTTP2-Settings: RFC 7540, 3.2.1), and those that belong nowhere.
var hopByHop = [kinds]bool{
	TransferEncoding:   true,
	Connection:         true,
	KeepAlive:          true,
	ProxyConnection:    true,
	ProxyAuthenticate:  true,
	ProxyAuthorization: true,
	TE:                 true,
	Upgrade:            true,
	HTTP2Settings:      true,
	Masked:             true,
}

// shape is a name's length and its first letter, in either case. No two known names
// have the same, and those are shorter than 32 bytes, so kindByShape tells the one kind
// that a name may be.
func shape(name []byte) int { return len(name)&31<<5 | int(name[0]&31) }

var kindByShape = func() (table [32 * 32]Kind) {
	for k, name := range kindNames {
		if name == nil {
			continue
		}
		at := &table[shape(name)]
		if *at != Other {
			panic("http1: two known names of one shape")
		}
		*at = Kind(k)
	}
	return table
}()

// kindOf returns the kind of the field of that name, a token, in any letter case.
func kindOf(name []byte) Kind { return kindByShape[shape(name)].of(name) }

// of returns k, which name's shape told, if the name is k's, too.
func (k Kind) of(name []byte) Kind {
	switch {
	case k == Other:
		return Other
	case isLower(name, kindNames[k]):
		return k
	case isMasked(name, kindNames[k]):
		return Masked
	default:
		return Other
	}
}

// isMasked says whether name is lower but for letter case and underscores in place of
// hyphens.
func isMasked(name, lower []byte) bool {
	if len(name) != len(lower) {
		return false
	}
	for i, c := range lower {
		if name[i]|0x20 != c && !(c == '-' && name[i] == '_') {
			return false
		}
	}
	return true
}

// isLower says whether name is lower but for letter case. lower has lower-case letters,
// digits and hyphens only; name has no control characters but HTAB. Setting bit 5 of
// each byte of name then makes none of these but of a letter in upper case.
func isLower(name, lower []byte) bool {
	const bit5 = 0x20 * ones
	n := len(lower)
	if len(name) != n {
		return false
	}
	if n >= 8 {
		i := 0
		for ; i <= n-8; i += 8 {
			if binary.LittleEndian.Uint64(name[i:])|bit5 != binary.LittleEndian.Uint64(lower[i:]) {
				return false
			}
		}
		return binary.LittleEndian.Uint64(name[n-8:])|bit5 == binary.LittleEndian.Uint64(lower[n-8:])
	}
	for i, c := range lower {
		if name[i]|0x20 != c {
			return false
		}
	}
	return true
}
