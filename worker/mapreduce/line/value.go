// Package line finds the fields of a line, and chooses lines by them.
package line

// Kind is what a [Value] is.
type Kind uint8

const (
	Missing Kind = iota // the line has no such field
	String
	Number
	Other // true, false, null, an object or an array
)

// Value is one field of a line.
type Value struct {
	Kind Kind
	// Text is a String's text (UTF-8 in a line of JSON, any bytes in others), a Number as
	// it was written, Other as it was written in JSON; nil of Missing.
	Text []byte
}
