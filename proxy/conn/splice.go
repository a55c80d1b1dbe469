package conn

import (
	"io"
	"time"
)

// The bytes that one call moves inside the kernel at most. A deadline sees only that
// a call has ended, so slow connections get short ones.
const (
	minSplice = 64 << 10
	maxSplice = 256 << 10
	briskly   = int64(time.Second) // a call that takes less is followed by a longer one
)

// Splice is a long body on its way from one connection to another inside the kernel
// (splice(2)), where it can. The zero value is ready to use.
type Splice struct {
	limit io.LimitedReader
	next  int64 // how much the next call moves at most
}

// Move moves some bytes from src to dst, at most n, and returns how many. The end of
// src is io.EOF; which side another error is of cannot be told.
func (s *Splice) Move(dst, src *Conn, n int64) (int64, error) {
	began := Now()
	want := min(n, max(s.next, minSplice))
	s.limit = io.LimitedReader{R: src.tcp, N: want}
	got, err := dst.tcp.ReadFrom(&s.limit)
	s.limit.R = nil
	if Now()-began < briskly {
		s.next = min(2*want, maxSplice)
	} else {
		s.next = 0
	}
	if err == nil && got < want {
		err = io.EOF
	}
	return got, err
}
