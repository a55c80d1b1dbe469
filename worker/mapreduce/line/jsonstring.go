package line

import (
	"bytes"
	"errors"
	"unicode/utf16"
	"unicode/utf8"
)

var (
	errControl = errors.New("has a control character in a string")
	errEscape  = errors.New("has an unknown escape in a string")
	errUTF8    = errors.New("is not UTF-8")
)

// skipString returns where the string ends whose quote is at i.
func skipString(b []byte, i int) (int, error) {
	i, err := skipRest(b, skipUsual(b, i+1))
	return i + 1, err
}

// skipRest returns where the quote is that ends the string in which i is.
func skipRest(b []byte, i int) (int, error) {
	for at(b, i) != '"' {
		var err error
		if i, err = skipUnusual(b, i); err != nil {
			return i, err
		}
		i = skipUsual(b, i)
	}
	return i, nil
}

// skipUsual returns where, at or behind i, something unusual is in a string, or may be.
func skipUsual(b []byte, i int) int {
	for {
		w0, w1 := words(b, i)
		found, found1 := unusual(w0), unusual(w1)
		if found|found1 == 0 {
			i += twoWords
			continue
		}
		if found == 0 {
			found = found1
			i += 8
		}
		return i + first(found)
	}
}

// skipUnusual returns where what is at i in a string ends, with more of its kind.
func skipUnusual(b []byte, i int) (int, error) {
	switch c := at(b, i); {
	case i >= len(b):
		return i, errShort
	case c < ' ':
		return i, errControl
	case c == '\\':
		return skipEscape(b, i)
	case c < utf8.RuneSelf: // usual after all, but there are no two words any more
		return i + 1, nil
	}
	for at(b, i) >= utf8.RuneSelf {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return i, errUTF8
		}
		i += size
	}
	return i, nil
}

func skipEscape(b []byte, i int) (int, error) {
	switch at(b, i+1) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2, nil
	case 'u':
		for n := range 4 {
			if hex(at(b, i+2+n)) < 0 {
				return i, wrong(b, i+2+n, errEscape)
			}
		}
		return i + 6, nil
	default:
		return i, wrong(b, i+1, errEscape)
	}
}

// hex is the value of a hexadecimal digit; -1: it is none.
func hex(c byte) rune {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return rune(c | 0x20 - 'a' + 10)
	default:
		return -1
	}
}

// unquote appends to dst what the inside of a string, which is known to be right, stands
// for. What is not a character, half a surrogate pair, becomes U+FFFD.
func unquote(dst, s []byte) []byte {
	for {
		i := bytes.IndexByte(s, '\\')
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		switch c := s[i+1]; c {
		case 'u':
			r := unit(s[i:])
			s = s[i+6:]
			if utf16.IsSurrogate(r) {
				r = utf16.DecodeRune(r, unit(s)) // U+FFFD if the two are no pair
				if r != utf8.RuneError {
					s = s[6:]
				}
			}
			dst = utf8.AppendRune(dst, r)
			continue
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		default: // stands for itself
			dst = append(dst, c)
		}
		s = s[i+2:]
	}
}

// unit is the number in the \u that s begins with; 0: it begins with something else.
func unit(s []byte) rune {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0
	}
	return hex(s[2])<<12 | hex(s[3])<<8 | hex(s[4])<<4 | hex(s[5])
}
