package input

import (
	"context"
	"io"
)

// source reads a shard's file.
type source struct {
	ctx   context.Context
	file  io.ReaderAt
	shard *Shard
	at    int64 // the next byte's place
	read  int64 // how many bytes were
	err   error // why Read has failed
}

// fill reads into the whole of b, or up to a place in the file that it had when it was
// found. It looks at the context first.
func (s *source) fill(b []byte, to int64) (int, error) {
	if s.ctx.Err() != nil {
		return 0, context.Cause(s.ctx)
	}
	b = b[:min(int64(len(b)), to-s.at)]
	n, err := s.file.ReadAt(b, s.at)
	s.at += int64(n)
	s.read += int64(n)
	switch {
	case n == len(b):
		return n, nil
	case err == io.EOF:
		return n, s.shard.shorter()
	}
	return n, named(s.shard.Name, err)
}

// little is how much is read at first, in bytes, to find the end of a shard's last line.
const little = 4 << 10

// plain reads the shard's bytes, and then for the end of its last line. A line begins in it
// if the line before ends in it, or just before it.
func (s *source) plain(to *cutter) error {
	if s.shard.From > 0 {
		s.at = s.shard.From - 1
		to.offset, to.skip = s.at, true
	}
	for s.at < s.shard.To {
		n, err := s.fill(to.room(), s.shard.To)
		if err != nil {
			return err
		}
		if err := to.add(n); err != nil {
			return err
		}
	}
	for some := little; to.open() && s.at < s.shard.Size; some = min(2*some, to.block) {
		b := to.room()
		n, err := s.fill(b[:min(len(b), some)], s.shard.Size)
		if err != nil {
			return err
		}
		if err := to.addLine(n); err != nil {
			return err
		}
	}
	return to.end()
}
