package http1

// noteTrailer judges a field of a trailer section (RFC 9110, 6.5.1). Those that say
// where a message ends or goes, and Connection, are refused: who merges trailers into
// the head would read another message. Those that are about the connection, about the
// request as such, or that a proxy vouches for, are marked as Hop: a proxy leaves
// them out.
func noteTrailer(b []byte, f *Field) fault {
	switch f.Kind {
	case ContentLength, TransferEncoding, Host, Connection:
		return forbiddenTrailer
	case Other:
		f.Hop = isHeadOnly(f.Name.Of(b))
	default:
		f.Hop = true // all that this package knows
	}
	return noFault
}

// headOnly are names of fields that mean something in a head only: request modifiers,
// authentication, content format, and control data of responses (RFC 9110, 6.5.1; the
// list is that of RFC 7230, 4.1.2, with its examples).
var headOnly = [...]string{
	"age", "authentication-info", "authorization", "cache-control", "content-encoding",
	"content-range", "content-type", "cookie", "date", "expires", "location",
	"max-forwards", "pragma", "proxy-authentication-info", "range", "retry-after",
	"set-cookie", "vary", "warning", "www-authenticate", "x-real-ip",
}

// headOnlyPrefixes are how whole families of such names begin.
var headOnlyPrefixes = [...]string{"if-", "x-forwarded-"}

func isHeadOnly(name []byte) bool {
	for _, s := range headOnly {
		if len(s) == len(name) && hasLowerPrefix(name, s) {
			return true
		}
	}
	for _, s := range headOnlyPrefixes {
		if hasLowerPrefix(name, s) {
			return true
		}
	}
	return false
}

// hasLowerPrefix says whether name begins with prefix but for letter case.
func hasLowerPrefix(name []byte, prefix string) bool {
	if len(name) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if lower(name[i]) != prefix[i] {
			return false
		}
	}
	return true
}
