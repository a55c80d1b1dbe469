package http1

import (
	"encoding/binary"
	"math/bits"
)

// The classes of bytes (RFC 9110, 5.5, 5.6.2; RFC 3986, 2 and 3.2.2).
const (
	tokenByte   = 1 << iota // tchar
	valueByte               // HTAB, SP, VCHAR and obs-text
	targetByte              // visible ASCII but #
	regNameByte             // unreserved and sub-delims
	hexByte                 // 0-9 A-F a-f
	digitByte               // 0-9
)

var classes = func() (table [256]uint8) {
	set := func(class uint8, list string) {
		for i := range len(list) {
			table[list[i]] |= class
		}
	}
	const (
		digits  = "0123456789"
		letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	)
	set(tokenByte, digits+letters+"!#$%&'*+-.^_`|~")
	set(regNameByte, digits+letters+"-._~"+"!$&'()*+,;=")
	set(hexByte, digits+"ABCDEFabcdef")
	set(digitByte, digits)
	for c := range table {
		if c >= ' ' && c != 0x7f || c == '\t' {
			table[c] |= valueByte
		}
		if c > ' ' && c < 0x7f && c != '#' {
			table[c] |= targetByte
		}
	}
	return table
}()

func is(class, c byte) bool { return classes[c]&class != 0 }

// Eight bytes at a time: a word's lowest byte is the first. The masks below have the
// high bit of each byte that is looked for set, and perhaps some of later bytes, so
// that the lowest set bit is always right.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// firstByte is the place in the word of the first byte that mask tells.
func firstByte(mask uint64) int { return bits.TrailingZeros64(mask) >> 3 }

// mayHaveControls is a quick look: false if all bytes are from 0x20 to 0x7e. A byte that
// is not sets its own high bit in one of the two terms, or a lower one does.
func mayHaveControls(w uint64) bool { return ((w-0x20*ones)|(w+ones))&highs != 0 }

// controls tells bytes below 0x20 and 0x7f.
func controls(w uint64) uint64 {
	del := w ^ 0x7f*ones
	return ((w-0x20*ones)&^w | (del-ones)&^del) & highs
}

// notTarget tells bytes that are not targetByte.
func notTarget(w uint64) uint64 {
	hash := w ^ '#'*ones
	above := w | (w&^highs + ones) // 0x7f and more
	return ((w-0x21*ones)&^w | above | (hash-ones)&^hash) & highs
}

// notWord tells bytes that are neither letters nor hyphens.
func notWord(w uint64) uint64 {
	low := w &^ highs
	lower := low | 0x20*ones
	letter := (lower + (0x80-'a')*ones) &^ (lower + (0x80-'z'-1)*ones)
	other := (low ^ '-'*ones) + 0x7f*ones
	return (w | other&^letter) & highs
}

// The loops' conditions are written so that the compiler sees that b[i:i+8] is in
// bounds.

// skipToken returns the place at or after i of the first byte that is no tokenByte, or
// len(b).
func skipToken(b []byte, i int) int {
	for i >= 0 && i < len(b)-7 {
		m := notWord(binary.LittleEndian.Uint64(b[i : i+8]))
		if m == 0 {
			i += 8
			continue
		}
		i += firstByte(m)
		if b[i] == ':' || !is(tokenByte, b[i]) {
			return i
		}
		i++
	}
	for i < len(b) && is(tokenByte, b[i]) {
		i++
	}
	return i
}

// skipValue likewise for valueByte.
func skipValue(b []byte, i int) int {
	for i >= 0 && i < len(b)-7 {
		w := binary.LittleEndian.Uint64(b[i : i+8])
		if !mayHaveControls(w) {
			i += 8
			continue
		}
		m := controls(w)
		if m == 0 {
			i += 8
			continue
		}
		i += firstByte(m)
		if b[i] != '\t' {
			return i
		}
		i++
	}
	for i < len(b) && is(valueByte, b[i]) {
		i++
	}
	return i
}

// skipLine returns where the colon and the end of the field line at b[i:] are. It does
// what skipToken and skipValue do, in one, for lines that are whole and have no fault;
// for others end is 0.
func skipLine(b []byte, i int) (colon, end int) {
	start := i
	for {
		if i < 0 || i >= len(b)-7 {
			return 0, 0
		}
		m := notWord(binary.LittleEndian.Uint64(b[i : i+8]))
		if m == 0 {
			i += 8
			continue
		}
		i += firstByte(m)
		if b[i] == ':' {
			break
		}
		if !is(tokenByte, b[i]) {
			return 0, 0
		}
		i++
	}
	colon = i
	if colon == start {
		return 0, 0
	}
	i++
	for i >= 0 && i < len(b)-7 {
		w := binary.LittleEndian.Uint64(b[i : i+8])
		if mayHaveControls(w) {
			if m := controls(w); m != 0 {
				i += firstByte(m)
				if b[i] == '\t' {
					i++
					continue
				}
				break
			}
		}
		i += 8
	}
	for i < len(b) && is(valueByte, b[i]) {
		i++
	}
	if i+1 < len(b) && b[i] == '\r' && b[i+1] == '\n' {
		return colon, i
	}
	return 0, 0
}

// skipTarget likewise for targetByte.
func skipTarget(b []byte, i int) int {
	for i >= 0 && i < len(b)-7 {
		m := notTarget(binary.LittleEndian.Uint64(b[i : i+8]))
		if m != 0 {
			return i + firstByte(m)
		}
		i += 8
	}
	for i < len(b) && is(targetByte, b[i]) {
		i++
	}
	return i
}

// isSpace says whether c is optional whitespace's (RFC 9110, 5.6.3).
func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// trim returns what is left of b[start:end] without whitespace around it; nothing left
// is empty at end.
func trim(b []byte, start, end int) (int, int) {
	for start < end && isSpace(b[start]) {
		start++
	}
	for start < end && isSpace(b[end-1]) {
		end--
	}
	return start, end
}
