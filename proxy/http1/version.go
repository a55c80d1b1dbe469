package http1

// http11 is "HTTP/1.1" as a little-endian word.
const http11 = 'H' | 'T'<<8 | 'T'<<16 | 'P'<<24 | '/'<<32 | '1'<<40 | '.'<<48 | '1'<<56

// version reads the version at the start of v (RFC 9112, 2.3). It is done when that is
// HTTP/1.0 or HTTP/1.1; otherwise there is a fault, or v is too short to tell.
func version(v []byte, minor *uint8) (done bool, _ fault) {
	const shape = "HTTP/0.0" // 0 stands for any digit
	for i := range len(shape) {
		switch {
		case i == len(v):
			return false, noFault
		case v[i] == '\n':
			return false, bareLF
		case shape[i] == '0':
			if !is(digitByte, v[i]) {
				return false, badVersion
			}
		case v[i] != shape[i]:
			return false, badVersion
		}
	}
	if v[5] != '1' || v[7] > '1' {
		return false, unsupportedVersion
	}
	*minor = v[7] - '0'
	return true, noFault
}
