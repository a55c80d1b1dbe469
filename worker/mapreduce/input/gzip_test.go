package input

import (
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestACorruptFileGivesWhatCameBefore(t *testing.T) {
	text := strings.Repeat("some line\n", 10) + "no end"
	one := packed(text, 1)
	flip := func(s string, at int) string { return s[:at] + string(s[at]^0x55) + s[at+1:] }
	for _, c := range []struct {
		name, content string
		err           error
		offset, lines int64
	}{
		{"two bytes", one[:2], io.ErrUnexpectedEOF, 0, 0},
		{"no known method", flip(one, 2), gzip.ErrHeader, 0, 0},
		{"cut off in the sum", one[:len(one)-3], io.ErrUnexpectedEOF, 106, 10},
		{"a wrong sum", flip(one, len(one)-8), gzip.ErrChecksum, 106, 10},
		{"a wrong length", flip(one, len(one)-1), gzip.ErrChecksum, 106, 10},
		{"something after it", one + "something after it", gzip.ErrHeader, 106, 10},
		{"half a member after it", one + one[:5], io.ErrUnexpectedEOF, 106, 10},
		{"no deflated data", one[:10] + "\xff\xff\xff", flate.CorruptInputError(1), 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, _ := newRoot(t, "a.gz", c.content)
			all, err := read(t, r, found(t, r, "a.gz"))
			corrupt, ok := errors.AsType[*CorruptError](err)
			if !ok || !errors.Is(err, c.err) || corrupt.Name != "a.gz" || corrupt.Offset != c.offset || corrupt.Lines != c.lines || int64(len(all)) != c.lines {
				t.Errorf("after %d lines error is %#v, want %v", len(all), err, c)
			}
			if !strings.HasSuffix(err.Error(), fmt.Sprintf(", after %d bytes of text, %d lines", c.offset, c.lines)) || !strings.HasPrefix(err.Error(), "a.gz: ") {
				t.Errorf("error is %v", err)
			}
		})
	}
	// What is said to be compressed, by whoever wrote the shard, need not be.
	r, _ := newRoot(t, "a", "text")
	f := found(t, r, "a")
	f.Gzip = true
	if _, err := read(t, r, f); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error is %v", err)
	}
}
