package line

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// columns reads lines whose fields are columns.
type columns struct {
	separator []byte // none: blanks and tabs
	wanted    []int  // the column, from 0, of each value
	found     [][]byte
}

func newColumns(separator string, names []string) (*columns, error) {
	if !utf8.ValidString(separator) {
		return nil, fmt.Errorf("separator %q is not UTF-8", separator)
	}
	c := &columns{separator: []byte(separator)}
	last := 0
	for _, name := range names {
		n, err := strconv.Atoi(name)
		if err != nil || n < 1 || n > MaxColumn || strconv.Itoa(n) != name {
			return nil, fmt.Errorf("field %q: a column is a number from 1 to %d", name, MaxColumn)
		}
		c.wanted = append(c.wanted, n-1)
		last = max(last, n)
	}
	c.found = make([][]byte, 0, last)
	return c, nil
}

func (c *columns) read(values []Value, line []byte) error {
	if len(c.separator) == 0 {
		c.found = splitBlanks(c.found[:0], line)
	} else {
		c.found = split(c.found[:0], line, c.separator)
	}
	for n, column := range c.wanted {
		if column < len(c.found) {
			values[n] = Value{String, c.found[column]}
		}
	}
	return nil
}

// split appends the parts of a line to found, as many as there is room for. An empty line
// has none.
func split(found [][]byte, line, separator []byte) [][]byte {
	more := len(line) > 0
	for more && len(found) < cap(found) {
		var part []byte
		part, line, more = bytes.Cut(line, separator)
		found = append(found, part)
	}
	return found
}

// splitBlanks is split for runs of blanks and tabs.
func splitBlanks(found [][]byte, line []byte) [][]byte {
	for i := 0; len(found) < cap(found); {
		for i < len(line) && isBlank(line[i]) {
			i++
		}
		start := i
		for i < len(line) && !isBlank(line[i]) {
			i++
		}
		if i == start {
			break
		}
		found = append(found, line[start:i])
	}
	return found
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
