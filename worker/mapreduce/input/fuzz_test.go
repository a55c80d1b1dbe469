package input

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// FuzzLines compares the lines of all shards with the text cut at once.
func FuzzLines(f *testing.F) {
	f.Add("a\nb\n\n\r\nlonger line\nno end", uint8(3), uint8(4), uint8(8), uint8(0))
	f.Add("a\nb\n\n\r\nlonger line\nno end", uint8(3), uint8(4), uint8(8), uint8(3))
	f.Add("\n\n\n\n\n\n\n\n", uint8(1), uint8(1), uint8(1), uint8(0))
	f.Add(strings.Repeat("x", 300)+"\nb", uint8(30), uint8(20), uint8(200), uint8(0))
	f.Add(strings.Repeat("x", 20)+"\n"+strings.Repeat("y", 20), uint8(20), uint8(20), uint8(20), uint8(0))
	f.Fuzz(func(t *testing.T, text string, size, block, maxLine, members uint8) {
		z := sizes{max(1, int(block)), max(1, int(maxLine))}
		if len(text)/max(1, int(size)) >= MaxShards {
			return
		}
		if members == 0 {
			checkLines(t, text, text, false, max(1, int64(size)), z)
		} else {
			checkLines(t, packed(text, 1+int(members)%5), text, true, 1, z)
		}
	})
}

// FuzzGzip reads what need not be a compressed file: the lines are those of what the
// decompressor makes of it.
func FuzzGzip(f *testing.F) {
	text := "a\nb\n\n\r\nlonger line\nno end"
	one := packed(text, 1)
	f.Add([]byte(one))
	f.Add([]byte(packed(text, 3)))
	f.Add([]byte(one[:len(one)-5]))
	f.Add([]byte(one + "something after it"))
	f.Add([]byte(packed(strings.Repeat("x", 1<<20), 1)))
	f.Add([]byte("\x1f\x8b\x08\x1c\x00\x00\x00\x00\x00\x00\xff\xffextra"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) == 0 {
			return
		}
		const most = 4 << 20 // bytes of text
		z := sizes{4096, 10_000}
		tooMuch := errors.New("too much")
		var got []placed
		offset := int64(0)
		c, err := lines(t.Context(), strings.NewReader(string(content)), Shard{fileOf(string(content), true), 0, int64(len(content))}, z, func(at int64, line []byte) error {
			if at < offset || len(line) > z.maxLine {
				t.Errorf("a line of %d bytes at %d, after %d", len(line), at, offset)
			}
			if at > most {
				return tooMuch
			}
			offset = at + int64(len(line)) + 1
			got = append(got, placed{at, string(line)})
			return nil
		})
		if c.Bytes > int64(len(content)) {
			t.Errorf("%d bytes read of %d", c.Bytes, len(content))
		}
		if err == tooMuch {
			return
		}
		var want []byte
		r, bad := gzip.NewReader(strings.NewReader(string(content)))
		if bad == nil {
			want, bad = io.ReadAll(io.LimitReader(r, most+1))
		}
		if len(want) > most {
			return
		}
		whole := string(want)
		corrupt, isCorrupt := errors.AsType[*CorruptError](err)
		if isCorrupt != (bad != nil) || err != nil && !isCorrupt {
			t.Fatalf("error is %v, want one of %v", err, bad)
		}
		if isCorrupt {
			if corrupt.Offset != int64(len(want)) || corrupt.Lines != c.Lines {
				t.Errorf("%d lines of %d bytes; error is %v", c.Lines, len(want), err)
			}
			whole = whole[:strings.LastIndexByte(whole, '\n')+1]
		}
		lines, long := split(whole, z.maxLine)
		if !slices.Equal(got, lines) {
			t.Errorf("lines are %.200q, want %.200q", fmt.Sprint(got), fmt.Sprint(lines))
		}
		if c.Long < int64(len(long)) || c.Long > int64(len(long)) && !isCorrupt {
			t.Errorf("%d long lines, want %d", c.Long, len(long))
		}
	})
}
