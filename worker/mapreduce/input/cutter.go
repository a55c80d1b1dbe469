package input

import "bytes"

// cutter cuts a text, which it is given piece by piece, into lines.
type cutter struct {
	sizes
	do     func(offset int64, line []byte) error
	counts *Counts

	buf    []byte
	n      int   // how many bytes of a line are in buf whose end has not come
	offset int64 // of buf's first byte in the text
	skip   bool  // what comes up to the next line end: no line, or the rest of a long one
}

// room is where the next bytes of the text are to be put. The buffer grows with a long line
// only, to a block more than the longest.
func (c *cutter) room() []byte {
	if c.buf == nil {
		c.buf = make([]byte, c.block)
	}
	if len(c.buf)-c.n <= c.block/2 {
		larger := make([]byte, min(2*len(c.buf), c.maxLine+c.block))
		copy(larger, c.buf[:c.n])
		c.buf = larger
	}
	return c.buf[c.n:]
}

// add takes the n bytes that were put there, and hands on the lines that end in them.
func (c *cutter) add(n int) error {
	start, next, end := 0, c.n, c.n+n
	for {
		i := bytes.IndexByte(c.buf[next:end], '\n')
		if i < 0 {
			break
		}
		line := c.buf[start : next+i : next+i] // whoever appends to it does not get at the next
		switch {
		case c.skip:
			c.skip = false
		case len(line) > c.maxLine:
			c.long(start)
		default:
			if err := c.do(c.offset+int64(start), line); err != nil {
				return err
			}
			c.counts.Lines++
		}
		start, next = next+i+1, next+i+1
	}
	if !c.skip && end-start > c.maxLine {
		c.long(start)
		c.skip = true
	}
	if c.skip {
		start = end
	}
	c.n = copy(c.buf, c.buf[start:end])
	c.offset += int64(start)
	return nil
}

// addLine is add, up to the first line end in the n bytes.
func (c *cutter) addLine(n int) error {
	if i := bytes.IndexByte(c.buf[c.n:c.n+n], '\n'); i >= 0 {
		n = i + 1
	}
	return c.add(n)
}

// long counts a long line.
func (c *cutter) long(start int) {
	if c.counts.Long == 0 {
		c.counts.FirstLong = c.offset + int64(start)
	}
	c.counts.Long++
}

// open reports whether a line has begun that has not ended and is not too long.
func (c *cutter) open() bool { return c.n > 0 }

// end ends the text: what has no line end is a line too.
func (c *cutter) end() error {
	if !c.open() {
		return nil
	}
	if err := c.do(c.offset, c.buf[:c.n]); err != nil {
		return err
	}
	c.counts.Lines++
	return nil
}
