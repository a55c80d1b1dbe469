package input

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
)

// CorruptError is of a compressed file that ends too early, or is none from somewhere on.
type CorruptError struct {
	Name   string
	Offset int64 // how many bytes of its text came before
	Lines  int64 // how many lines of those were handed on
	Err    error // what the decompressor says
}

func (e *CorruptError) Error() string {
	what := e.Err.Error()
	if e.Err == io.ErrUnexpectedEOF {
		what = "gzip: the file is cut off"
	}
	return fmt.Sprintf("%s: %s, after %d bytes of text, %d lines", e.Name, what, e.Offset, e.Lines)
}

func (e *CorruptError) Unwrap() error { return e.Err }

// gzip reads the text of a whole file, which may be of several members.
func (s *source) gzip(to *cutter) error {
	text, err := gzip.NewReader(bufio.NewReaderSize(s, 64<<10))
	for err == nil {
		if s.ctx.Err() != nil { // a few bytes can be much text
			return context.Cause(s.ctx)
		}
		var n int
		n, err = text.Read(to.room())
		if err := to.add(n); err != nil {
			return err
		}
	}
	switch {
	case s.err != nil:
		return s.err
	case err != io.EOF:
		return &CorruptError{s.shard.Name, to.offset + int64(to.n), to.counts.Lines, err}
	}
	return to.end()
}

// Read gives the decompressor what the file had when it was found.
func (s *source) Read(b []byte) (int, error) {
	if s.at == s.shard.Size {
		return 0, io.EOF
	}
	n, err := s.fill(b, s.shard.Size)
	s.err = err
	return n, err
}
