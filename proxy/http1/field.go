package http1

// Field is one field line (RFC 9112, 5).
type Field struct {
	Name  Span
	Value Span // without the whitespace around it
	// Line is the whole line with its CRLF if it is as AppendField would write it: one
	// space before the value, none after. It can be forwarded as it is. Otherwise it is
	// the zero Span.
	Line Span
	Kind Kind
	// Hop says that the field belongs to this connection alone and is not forwarded: a
	// hop-by-hop field, or one that Connection names. In a trailer section it marks
	// all fields that are not to be forwarded.
	Hop bool
}

// line is how far a field line has been read while it is not whole. The zero value is a
// line's beginning.
type line struct {
	read  int // bytes that were looked at and need not be again
	colon int // where the colon is; 0 while it was not seen, since a name is not empty
}

// scan reads the line at b[at:], and returns where the next begins, or 0 while its end
// has not come. Then it wants to be called again with the same bytes and more. All of f
// is set when the line is whole.
func (l *line) scan(b []byte, at int, f *Field) (next int, _ fault) {
	colon, i := 0, 0
	if l.read == 0 {
		colon, i = skipLine(b, at)
	}
	if i == 0 {
		var fault fault
		if colon, i, fault = l.skip(b, at); i == 0 {
			return 0, fault
		}
	}

	start, end := colon+1, i
	if b[start] == ' ' {
		start++ // b[i] is no space, so this is not beyond it
	}
	canonical := start == colon+2
	if start < end && (b[start] <= ' ' || b[end-1] <= ' ') { // whitespace, at this point
		canonical = false
		start, end = trim(b, start, end)
	}
	next = i + 2
	f.Name = span(at, colon)
	f.Value = span(start, end)
	f.Line = Span{}
	if canonical {
		f.Line = span(at, next)
	}
	f.Kind, f.Hop = Other, false
	name := b[at:colon]
	if k := kindByShape[shape(name)]; k != Other { // seldom: saves a call of kindOf
		f.Kind = k.of(name)
		f.Hop = hopByHop[f.Kind]
	}
	return next, noFault
}

// skip goes on to look for the line's colon and end, which is 0 while it has not come.
func (l *line) skip(b []byte, at int) (colon, end int, _ fault) {
	i := at + l.read
	colon = at + l.colon
	if colon == at {
		i = skipToken(b, i)
		if i == len(b) {
			l.read = i - at
			return 0, 0, noFault
		}
		if b[i] != ':' || i == at {
			return 0, 0, nameFault(b[i], i == at)
		}
		colon = i
		i++
	}

	i = skipValue(b, i)
	if i+1 >= len(b) {
		if i < len(b) && b[i] != '\r' {
			return 0, 0, valueFault(b[i])
		}
		l.read, l.colon = i-at, colon-at
		return 0, 0, noFault
	}
	if b[i] != '\r' || b[i+1] != '\n' {
		return 0, 0, valueFault(b[i])
	}
	if l.read != 0 {
		*l = line{}
	}
	return colon, i, noFault
}

// nameFault says what is wrong with c, where a field's name goes on or a colon follows
// it. Whitespace there, and at the beginning (which was folding), is never taken
// (RFC 9112, 5.1 and 5.2).
func nameFault(c byte, first bool) fault {
	switch {
	case c == ' ' || c == '\t':
		if first {
			return foldedLine
		}
		return spaceBeforeColon
	case c == '\n':
		return bareLF
	case c == ':':
		return emptyName
	case c == '\r':
		return missingColon
	}
	return badName
}

// valueFault says what is wrong with c, which ends a value before an end of line.
func valueFault(c byte) fault {
	switch c {
	case '\r':
		return bareCR
	case '\n':
		return bareLF
	}
	return badValue
}
