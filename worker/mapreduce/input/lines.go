package input

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// ErrChanged is wrapped by Lines' error about a file that is not the one that was found.
var ErrChanged = errors.New("changed since the run began")

// Counts is what Lines has read.
type Counts struct {
	Lines     int64 // that were handed on
	Long      int64 // of more than MaxLine, which were not
	FirstLong int64 // where the first of those begins, if there is one
	Bytes     int64 // of the file, also those that other shards read too
}

// Lines hands the lines of a shard to do, in order, each with the place of its first byte in
// the text and without its line feed; a carriage return before that stays. They are the
// lines that begin in the shard; the last one may end after it, and that of the file need
// not have an end. The line is valid until do returns; do's error ends it, and is returned
// as it is.
//
// Only what the file had when it was found is read of it: it may have grown since. An error
// is a [Problem], an [ErrChanged] or a [*CorruptError], for which trying again is no help, or
// else the system's, about the file, or the context's. The counts are valid up to there.
func (r *Root) Lines(ctx context.Context, s Shard, do func(offset int64, line []byte) error) (Counts, error) {
	if err := s.check(); err != nil {
		return Counts{}, err
	}
	f, size, err := r.open(s.Name)
	if err != nil {
		return Counts{}, err
	}
	defer f.Close()
	if err := s.same(f, size); err != nil {
		return Counts{}, err
	}
	return lines(ctx, f, s, r.sizes, do)
}

// same checks that a file of that size is the shard's.
func (s *Shard) same(f io.ReaderAt, size int64) error {
	if size < s.Size {
		return s.shorter()
	}
	head, err := head(f, s.Size)
	switch {
	case err == errShorter:
		return s.shorter()
	case err != nil:
		return named(s.Name, err)
	case fingerprint(head) != s.Print:
		return fmt.Errorf("%s: %w: it is another file", s.Name, ErrChanged)
	}
	return nil
}

func (s *Shard) shorter() error { return fmt.Errorf("%s: %w: it is shorter", s.Name, ErrChanged) }

// lines is Lines of an open file.
func lines(ctx context.Context, f io.ReaderAt, s Shard, z sizes, do func(int64, []byte) error) (c Counts, err error) {
	from := &source{ctx: ctx, file: f, shard: &s}
	to := &cutter{do: do, sizes: z, counts: &c}
	if s.Gzip {
		err = from.gzip(to)
	} else {
		err = from.plain(to)
	}
	c.Bytes = from.read
	return c, err
}
