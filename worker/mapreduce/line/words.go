package line

import (
	"encoding/binary"
	"math/bits"
)

// Text is looked at in words of eight bytes, whose lowest byte is the first. What is
// asked of a byte is asked of all eight at once, and the answer is its highest bit, a mark.
//
// To find the bytes below n, n is taken from each, and to find those that are not, what
// sets their highest bit is added. A borrow or carry may set the mark of the byte behind
// too: only the first mark of a word counts.
const (
	ones  = 0x0101010101010101
	marks = 0x80 * ones
)

// word returns the eight bytes of b that begin at i, or zeros if there are not as many.
func word(b []byte, i int) uint64 {
	if i >= 0 && i <= len(b)-8 { // the compiler then needs no checks of its own
		return binary.LittleEndian.Uint64(b[i : i+8 : len(b)])
	}
	return 0
}

// words returns the two words of b that begin at i, or zeros if there is not as much.
func words(b []byte, i int) (uint64, uint64) {
	if i >= 0 && i <= len(b)-twoWords {
		w := b[i : i+twoWords : len(b)]
		return binary.LittleEndian.Uint64(w), binary.LittleEndian.Uint64(w[8:])
	}
	return 0, 0
}

// twoWords is how many bytes two words have.
const twoWords = 16

// prefix is what a text begins with, two words or less, to look for it elsewhere.
type prefix struct{ w0, w1, mask0, mask1 uint64 }

func prefixOf(text []byte) prefix {
	var begin, mask [twoWords]byte
	for n := range copy(begin[:], text) {
		mask[n] = 0xff
	}
	var p prefix
	p.w0, p.w1 = words(begin[:], 0)
	p.mask0, p.mask1 = words(mask[:], 0)
	return p
}

// isAt reports whether it is in b at i, with two words or more to the end of b.
func (p *prefix) isAt(b []byte, i int) bool {
	w0, w1 := words(b, i)
	return w0&p.mask0 == p.w0 && w1&p.mask1 == p.w1
}

// first returns which byte of a word has the first mark; 8: none has one.
func first(marked uint64) int { return bits.TrailingZeros64(marked) / 8 }

// byteOf is one of a word's bytes, from 0 to 7; the first for 8.
func byteOf(w uint64, n int) byte { return byte(w >> (8 * n % 64)) }

// unusual marks what needs a closer look in a string of JSON: the quote that ends it, a
// backslash, control characters (zeros are some), and bytes beyond ASCII.
func unusual(w uint64) uint64 {
	// Swaps the quote (0x22) and the space (0x20), so that the quote is with the control
	// characters below 0x21.
	swapped := w ^ 0x02*ones
	return ((swapped - 0x21*ones) | ((w ^ '\\'*ones) - ones) | w) & marks
}

// notDigit marks what is not a digit.
func notDigit(w uint64) uint64 {
	w ^= '0' * ones // the digits are now those below 10
	return ((w + (0x80-10)*ones) | w) & marks
}

// at returns the byte of b at i; behind its end: 0, which is nowhere right in JSON.
func at(b []byte, i int) byte {
	if i >= 0 && i < len(b) {
		return b[i]
	}
	return 0
}

// hasAt reports whether b has the text at i.
func hasAt(b []byte, i int, text string) bool {
	end := i + len(text)
	return end <= len(b) && string(b[i:end]) == text
}
