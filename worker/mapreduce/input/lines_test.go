package input

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// placed is a line and where it begins.
type placed struct {
	offset int64
	text   string
}

// split is what Lines is to hand on of a text, of all its shards together.
func split(text string, maxLine int) (lines []placed, long []int64) {
	offset := int64(0)
	for line := range strings.Lines(text) {
		bare := strings.TrimSuffix(line, "\n")
		if len(bare) > maxLine {
			long = append(long, offset)
		} else {
			lines = append(lines, placed{offset, bare})
		}
		offset += int64(len(line))
	}
	return lines, long
}

// packed is a text as a compressed file of that many members.
func packed(text string, members int) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	for n := range members {
		w.Reset(&b)
		io.WriteString(w, text[len(text)*n/members:len(text)*(n+1)/members])
		w.Close()
	}
	return b.String()
}

// fileOf is what Find says of a file.
func fileOf(content string, gzip bool) File {
	return File{"a.log", int64(len(content)), fingerprint([]byte(content[:min(len(content), printed)])), gzip}
}

// watched is a file, and how far it was read.
type watched struct {
	*strings.Reader
	from, to int64
}

func (w *watched) ReadAt(b []byte, at int64) (int, error) {
	n, err := w.Reader.ReadAt(b, at)
	w.from, w.to = min(w.from, at), max(w.to, at+int64(n))
	return n, err
}

// checkLines reads a file shard by shard, and compares what comes of all of them with the
// text cut at once.
func checkLines(t *testing.T, content, text string, gzip bool, size int64, z sizes) {
	t.Helper()
	want, wantLong := split(text, z.maxLine)
	var got []placed
	var long int64
	for _, s := range Split([]File{fileOf(content, gzip)}, size) {
		f := &watched{strings.NewReader(content), s.From, 0}
		before := len(got)
		c, err := lines(t.Context(), f, s, z, func(offset int64, line []byte) error {
			got = append(got, placed{offset, string(line)})
			_ = append(line, "!!!"...) // gets at nothing else
			clear(line)
			return nil
		})
		if err != nil {
			t.Fatalf("bytes %d to %d: %v", s.From, s.To, err)
		}
		if c.Lines != int64(len(got)-before) {
			t.Errorf("bytes %d to %d: %d lines are %d", s.From, s.To, len(got)-before, c.Lines)
		}
		if c.Long > 0 && (long >= int64(len(wantLong)) || c.FirstLong != wantLong[long]) {
			t.Errorf("bytes %d to %d: a long line at %d; they are at %d", s.From, s.To, c.FirstLong, wantLong)
		}
		long += c.Long
		if c.Bytes != f.to-f.from {
			t.Errorf("bytes %d to %d: %d bytes read, said to be %d", s.From, s.To, f.to-f.from, c.Bytes)
		}
		if f.from < max(0, s.From-1) {
			t.Errorf("bytes %d to %d: read from %d", s.From, s.To, f.from)
		}
		// For the last line a little is read that is not of the shard, and never more than
		// as much again as the line has.
		most := s.To
		if len(got) > before {
			last := got[len(got)-1]
			most += max(int64(little), 2*max(0, last.offset+int64(len(last.text))+1-s.To))
		}
		if c.Long > 0 {
			most += int64(z.maxLine + z.block)
		}
		if f.to > most {
			t.Errorf("bytes %d to %d: read up to %d", s.From, s.To, f.to)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%.200q in shards of %d, %+v: lines are %.200q, want %.200q", text, size, z, fmt.Sprint(got), fmt.Sprint(want))
	}
	if long != int64(len(wantLong)) {
		t.Errorf("%.200q in shards of %d, %+v: %d long lines, want %d", text, size, z, long, len(wantLong))
	}
}

// randomText has lines of all lengths that may matter where they are at most so long.
func randomText(rng *rand.Rand, maxLine int) string {
	var b strings.Builder
	for range rng.IntN(20) {
		length := rng.IntN(8)
		switch rng.IntN(8) {
		case 0:
			length = max(0, maxLine-2+rng.IntN(5))
		case 1:
			length = rng.IntN(4 * maxLine)
		case 2:
			length = 0
		}
		for range length {
			b.WriteByte("ab\r\x00\xff"[rng.IntN(5)])
		}
		b.WriteString([]string{"\n", "\n", "\n", "\r\n", "\n\n"}[rng.IntN(5)])
	}
	return b.String()[:max(0, b.Len()-rng.IntN(3))]
}

func TestShardsTogetherHaveEachLineOnce(t *testing.T) {
	for seed := range uint64(5000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		z := sizes{1 + rng.IntN(40), 1 + rng.IntN(50)}
		text := randomText(rng, z.maxLine)
		checkLines(t, text, text, false, 1+rng.Int64N(60), z)
		if seed%8 == 0 {
			checkLines(t, packed(text, 1+rng.IntN(4)), text, true, 1+rng.Int64N(60), z)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestTextsThatAreAwkward(t *testing.T) {
	for _, text := range []string{
		"\n", "\n\n\n\n\n", "a", "a\n", "\na", "a\r\nb\r\n", "\r", "\r\n\r\n", strings.Repeat("x", 10), strings.Repeat("x", 11), strings.Repeat("x", 10) + "\n", strings.Repeat("x", 11) + "\n",
		strings.Repeat("x", 1000), "a\n" + strings.Repeat("x", 1000), strings.Repeat("x", 1000) + "\na", "a\n" + strings.Repeat("x", 100) + "\n" + strings.Repeat("y", 100) + "\nb",
	} {
		for size := int64(1); size < int64(len(text))+2; size++ {
			checkLines(t, text, text, false, size, sizes{4, 10})
		}
		checkLines(t, packed(text, 1), text, true, 1, sizes{4, 10})
		checkLines(t, packed(text, 3), text, true, 1, sizes{4, 10})
	}
	checkLines(t, packed("", 5), "", true, 1, sizes{4, 10})
}

// The sizes that are used, with lines about as long as the longest, and shards that end
// about where they do.
func TestLinesAsLongAsMayBe(t *testing.T) {
	for _, length := range []int{MaxLine - 1, MaxLine, MaxLine + 1} {
		text := "a\n" + strings.Repeat("x", length) + "\nb\n" + strings.Repeat("y", length)
		for _, size := range []int64{block, MaxLine, MaxLine + 1, MaxLine + 2, MaxLine + 3, 1 << 30} {
			checkLines(t, text, text, false, size, sizes{block, MaxLine})
		}
		checkLines(t, packed(text, 2), text, true, 1, sizes{block, MaxLine})
	}
}

// A shard within a long line ends when it has been read, and so does one whose last line
// is long: the rest is others' to read.
func TestALongLineIsNotFollowed(t *testing.T) {
	text := "a\n" + strings.Repeat("x", 100_000) + "\nb\n"
	shards := Split([]File{fileOf(text, false)}, 20_000)
	for n, s := range shards[:4] {
		f := &watched{strings.NewReader(text), s.From, 0}
		c, err := lines(t.Context(), f, s, sizes{1000, 3000}, func(offset int64, _ []byte) error {
			if offset != 0 {
				t.Errorf("a line at %d", offset)
			}
			return nil
		})
		if err != nil || f.to != s.To || (c.Long == 1) != (n == 0) {
			t.Errorf("bytes %d to %d: read up to %d; %+v (%v)", s.From, s.To, f.to, c, err)
		}
	}
}

func TestAnErrorOfWhoTakesTheLinesEndsIt(t *testing.T) {
	stop := fmt.Errorf("stop")
	for _, text := range []string{"a\nb\nc\n", "a\nb", "b"} {
		for _, content := range []string{text, packed(text, 1)} {
			s := Split([]File{fileOf(content, content != text)}, 1000)[0]
			last := ""
			c, err := lines(t.Context(), strings.NewReader(content), s, sizes{block, MaxLine}, func(_ int64, line []byte) error {
				if last = string(line); last == "b" {
					return stop
				}
				return nil
			})
			if err != stop || last != "b" || c.Lines != int64(strings.Index(text, "b")/2) {
				t.Errorf("%q: after %q, %+v: error is %v", text, last, c, err)
			}
		}
	}
}

func TestTheContextEndsIt(t *testing.T) {
	cause := fmt.Errorf("cause")
	text := strings.Repeat("a line\n", 1000)
	for _, content := range []string{text, packed(text, 1)} {
		s := Split([]File{fileOf(content, content != text)}, 1<<20)[0]
		ctx, cancel := context.WithCancelCause(t.Context())
		c, err := lines(ctx, strings.NewReader(content), s, sizes{100, 1000}, func(int64, []byte) error {
			cancel(cause)
			return nil
		})
		if err != cause || c.Lines == 0 || c.Lines > 100/7 {
			t.Errorf("after %d lines the error is %v", c.Lines, err)
		}
		if c, err = lines(ctx, strings.NewReader(content), s, sizes{100, 1000}, nil); err != cause || c.Bytes != 0 {
			t.Errorf("with a context that has ended: %+v, %v", c, err)
		}
	}

	// One that is long is looked at while there is no line, too.
	long := packed(strings.Repeat("x", 1<<20), 1)
	for _, content := range []string{strings.Repeat("x", 1<<20), long, strings.Repeat(packed("", 1), 10_000)} {
		ctx, cancel := context.WithCancelCause(t.Context())
		f := &watched{strings.NewReader(content), 0, 0}
		s := Split([]File{fileOf(content, content[0] != 'x')}, 1<<20)[0]
		_, err := lines(ctx, cancelling{f, func() { cancel(cause) }}, s, sizes{100, 1000}, nil)
		if err != cause || len(content) > len(long) && f.to == int64(len(content)) {
			t.Errorf("cancelled when its first bytes were read, it reads %d bytes: %v", f.to, err)
		}
	}
}

// cancelling calls cancel when it is read.
type cancelling struct {
	io.ReaderAt
	cancel func()
}

func (c cancelling) ReadAt(b []byte, at int64) (int, error) {
	c.cancel()
	return c.ReaderAt.ReadAt(b, at)
}
