package line

import "fmt"

// FormatKind is the kind of a [Format].
type FormatKind string

const (
	// JSON is one object a line (RFC 8259). Fields are those of the object itself, by
	// name; of several with one name the last counts.
	JSON FormatKind = "json"
	// Columns are parts of a line, and their names their numbers from 1 to MaxColumn.
	Columns FormatKind = "columns"
	// Regexp is an expression that lines match, in Go's syntax. Fields are its named
	// groups; one that took no part in the match is missing.
	Regexp FormatKind = "regexp"
)

// The bounds of formats, conditions and lines. Whoever passes them gets an error that says
// so.
const (
	MaxColumn = 1000
	MaxRegexp = 4096 // bytes
	MaxDepth  = 100  // of objects and arrays in each other
)

// Format is what lines are made of.
type Format struct {
	Kind FormatKind
	// Separator is what is between two columns. Empty: blanks and tabs, as many as there
	// are, and those before the first column are skipped.
	Separator string `json:",omitempty"`
	Regexp    string `json:",omitempty"`
}

// Reader finds the fields of lines. It is for one goroutine.
type Reader struct {
	values []Value
	format reader
}

// reader puts those fields of a line that it has into values, which are all missing.
type reader interface {
	read(values []Value, line []byte) error
}

// NewReader returns a Reader of the fields with these names, of which one may be there
// twice. Its errors name the field or the part of the format that is wrong.
func NewReader(f Format, names []string) (*Reader, error) {
	format, err := f.reader(names)
	if err != nil {
		return nil, err
	}
	return &Reader{make([]Value, len(names)), format}, nil
}

func (f Format) reader(names []string) (reader, error) {
	switch {
	case f.Kind != JSON && f.Kind != Columns && f.Kind != Regexp:
		return nil, fmt.Errorf("format %q is none of %s, %s and %s", string(f.Kind), JSON, Columns, Regexp)
	case f.Separator != "" && f.Kind != Columns:
		return nil, fmt.Errorf("separator %q: only lines of columns have one", f.Separator)
	case f.Regexp != "" && f.Kind != Regexp:
		return nil, fmt.Errorf("regexp %.60q: lines in the format %s have none", f.Regexp, f.Kind)
	case f.Kind == JSON:
		return newObject(names)
	case f.Kind == Columns:
		return newColumns(f.Separator, names)
	default:
		return newGroups(f.Regexp, names)
	}
}

// Fields returns the fields of a line, which is without its line feed, in the order of the
// Reader's names. They are parts of the line, or of the Reader, and valid until the next
// call. An error says why the line is not of the format, and is one of a few that are
// always the same. A carriage return at the end does not belong to the line.
func (r *Reader) Fields(line []byte) ([]Value, error) {
	clear(r.values)
	if last := len(line) - 1; last >= 0 && line[last] == '\r' {
		line = line[:last]
	}
	if err := r.format.read(r.values, line); err != nil {
		return nil, err
	}
	return r.values, nil
}
