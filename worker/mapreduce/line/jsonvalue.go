package line

import (
	"errors"
	"fmt"
)

var (
	errShort = errors.New("ends too early")
	errName  = errors.New("has something else where a name in quotes should be")
	errColon = errors.New("has something else where a colon should be")
	errValue = errors.New("has something else where a value should be")
	errComma = errors.New("has something else where a comma should be")
	errDepth = fmt.Errorf("has more than %d objects and arrays in each other", MaxDepth)
)

// wrong is why b is wrong at i.
func wrong(b []byte, i int, err error) error {
	if i >= len(b) {
		return errShort
	}
	return err
}

// skipSpace returns where the white space ends that begins at i, if there is any. Mostly
// there is none, and so this is inlined, and the rest is not.
func skipSpace(b []byte, i int) int {
	if i < len(b) && b[i] <= ' ' {
		return skipSpaces(b, i)
	}
	return i
}

//go:noinline
func skipSpaces(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}

// skipValue returns where the value ends that begins at i.
func skipValue(b []byte, i int) (int, error) {
	switch c := at(b, i); {
	case c == '"':
		return skipString(b, i)
	case c == '-' || '0' <= c && c <= '9':
		return skipNumber(b, i)
	case c == 't':
		return skipWord(b, i, "true")
	case c == 'f':
		return skipWord(b, i, "false")
	case c == 'n':
		return skipWord(b, i, "null")
	case c == '{' || c == '[':
		return skipNested(b, i)
	default:
		return i, wrong(b, i, errValue)
	}
}

func skipWord(b []byte, i int, word string) (int, error) {
	if hasAt(b, i, word) {
		return i + len(word), nil
	}
	return i, errValue
}

// skipName returns where the name ends that begins at i, and where its value begins.
func skipName(b []byte, i int) (end, value int, err error) {
	if at(b, i) != '"' {
		return i, i, wrong(b, i, errName)
	}
	end, err = skipString(b, i)
	if err != nil {
		return i, i, err
	}
	i = skipSpace(b, end)
	if at(b, i) != ':' {
		return i, i, wrong(b, i, errColon)
	}
	return end, skipSpace(b, i+1), nil
}

// skipNested returns where the object or array ends that begins at i, which is itself in
// an object.
func skipNested(b []byte, i int) (int, error) {
	var ends [MaxDepth - 1]byte // of each that is open, what will close it
	depth := 0
	for { // a value begins at i
		var err error
		switch c := at(b, i); c {
		case '{', '[':
			if depth == len(ends) {
				return i, errDepth
			}
			ends[depth] = c + 2 // as ASCII has it
			depth++
			i = skipSpace(b, i+1)
			if at(b, i) != c+2 {
				if i, err = skipToValue(b, i, c+2); err != nil {
					return i, err
				}
				continue
			}
		default:
			if i, err = skipValue(b, i); err != nil {
				return i, err
			}
			i = skipSpace(b, i)
		}
		for at(b, i) == ends[depth-1] {
			depth--
			if depth == 0 {
				return i + 1, nil
			}
			i = skipSpace(b, i+1)
		}
		if at(b, i) != ',' {
			return i, wrong(b, i, errComma)
		}
		if i, err = skipToValue(b, skipSpace(b, i+1), ends[depth-1]); err != nil {
			return i, err
		}
	}
}

// skipToValue returns where the value begins of which the name, in an object, or else
// itself begins at i.
func skipToValue(b []byte, i int, end byte) (int, error) {
	if end != '}' {
		return i, nil
	}
	_, value, err := skipName(b, i)
	return value, err
}
