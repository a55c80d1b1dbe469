package http1

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// decoded is what came of a chunked body. Two that are deeply equal mean the same.
type decoded struct {
	data     string
	trailers []trailer
	end      bool
	n        int // bytes up to the end, or up to what the decoder waits for more of
	err      error
}

type trailer struct {
	name, value, line string
	kind              Kind
	hop               bool
}

// decodeUpTo gives c the first ends[0] bytes of in, then up to ends[1], and so on, as
// a reader does whose buffer keeps what is not consumed.
func decodeUpTo(c *Chunked, in []byte, ends ...int) (d decoded) {
	for _, end := range ends {
		for {
			b := bytes.Clone(in[d.n:end])
			e, n, err := c.Next(b)
			d.n += n
			if err != nil {
				d.err, d.n = err, 0
				return d
			}
			switch e {
			case ChunkData:
				d.data += string(c.Data)
				continue
			case TrailerField:
				f := c.Field
				d.trailers = append(d.trailers, trailer{string(f.Name.Of(b)), string(f.Value.Of(b)), string(f.Line.Of(b)), f.Kind, f.Hop})
				continue
			case End:
				d.end = true
				return d
			}
			break
		}
	}
	return d
}

func newChunked(l Limits) *Chunked {
	c := new(Chunked)
	c.Reset(l)
	return c
}

// acceptBody is as accept.
func acceptBody(t *testing.T, in string, l Limits) decoded {
	t.Helper()
	b := []byte(in)
	whole := decodeUpTo(newChunked(l), b, len(b))
	if whole.err != nil || !whole.end || whole.n != len(b) {
		t.Fatalf("%q: %+v", in, whole)
	}
	check := func(how string, got decoded) {
		t.Helper()
		if !reflect.DeepEqual(got, whole) {
			t.Fatalf("%q %s:\n%+v, but at once:\n%+v", in, how, got, whole)
		}
	}
	check("byte by byte", decodeUpTo(newChunked(l), b, upTo(len(b))...))
	check("with more behind it", decodeUpTo(newChunked(l), []byte(in+"GET "), len(b)+4))
	for cut := range b {
		check(fmt.Sprint("cut at ", cut), decodeUpTo(newChunked(l), b, cut, len(b)))
	}
	c := newChunked(l)
	decodeUpTo(c, b, len(b))
	if e, n, err := c.Next([]byte("GET ")); e != End || n != 0 || err != nil {
		t.Errorf("%q: after the end: %d, %d, %v", in, e, n, err)
	}
	return whole
}

// rejectBody is as reject.
func rejectBody(t *testing.T, in string, l Limits, status int, reason string) {
	t.Helper()
	b := []byte(in)
	check := func(how string, got decoded) {
		t.Helper()
		var err *Error
		if !errors.As(got.err, &err) || err.Status != status || !strings.Contains(err.Reason, reason) {
			t.Fatalf("%q %s: %+v; want %d %s", in, how, got, status, reason)
		}
	}
	if before := decodeUpTo(newChunked(l), b, len(b)-1); before.err != nil || before.end {
		t.Errorf("%q without its last byte: %+v", in, before)
	}
	check("at once", decodeUpTo(newChunked(l), b, len(b)))
	check("byte by byte", decodeUpTo(newChunked(l), b, upTo(len(b))...))
	check("with more behind it", decodeUpTo(newChunked(l), []byte(in+"0\r\n\r\n"), len(b)+5))
	for cut := range b {
		check(fmt.Sprint("cut at ", cut), decodeUpTo(newChunked(l), b, cut, len(b)))
	}
	c := newChunked(l)
	decodeUpTo(c, b, len(b))
	if _, n, err := c.Next(b); n != 0 || err == nil {
		t.Errorf("%q: after the error: %d, %v", in, n, err)
	}
}

func TestRFC9112Section7_1_Chunks(t *testing.T) {
	for _, c := range []struct{ name, in, data string }{
		{"nothing", "0\r\n\r\n", ""},
		{"one", "5\r\nhello\r\n0\r\n\r\n", "hello"},
		{"two", "5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n", "hello, world"},
		{"both letter cases", "1a\r\nabcdefghijklmnopqrstuvwxyz\r\n1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n", strings.Repeat("abcdefghijklmnopqrstuvwxyz", 2)},
		{"leading zeros", "0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", "hello"},
		{"ends of lines as data", "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"},
		{"extensions", "5;a;b=c;d=\"e; f\"\r\nhello\r\n0;g\r\n\r\n", "hello"},
		{"an empty extension", "5;\r\nhello\r\n0\r\n\r\n", "hello"},
		{"whitespace within an extension", "5; a = b \t\r\nhello\r\n0\r\n\r\n", "hello"},
		{"obs-text in an extension", "5;a=\"\xc3\xa4\"\r\nhello\r\n0\r\n\r\n", "hello"},
		{"extensions up to the limit", "1" + ";" + strings.Repeat("a", 1022) + "\r\nx\r\n0;\r\n\r\n", "x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := acceptBody(t, c.in, roomy); d.data != c.data || d.trailers != nil {
				t.Errorf("%+v", d)
			}
		})
	}
	for _, c := range []refused{
		{"no size", "\r", 400, "hexadecimal"},
		{"no size before an extension", ";", 400, "hexadecimal"},
		{"a space before the size", " ", 400, "hexadecimal"},
		{"a sign", "+", 400, "hexadecimal"},
		{"a minus", "-", 400, "hexadecimal"},
		{"0x", "0x", 400, "hexadecimal"},
		{"an underscore", "1_", 400, "hexadecimal"},
		{"a letter", "1g", 400, "hexadecimal"},
		{"a space after the size", "1 ", 400, "hexadecimal"},
		{"a tab after the size", "1\t", 400, "hexadecimal"},
		{"a bare line feed after the size", "1\n", 400, "line feed"},
		{"a bare line feed after the last size", "5\r\nhello\r\n0\n", 400, "line feed"},
		{"a bare carriage return after the size", "1\rx", 400, "carriage return"},
		{"17 digits", "00000000000000001", 400, "too large"},
		{"16 digits that are too many bytes", "8000000000000000", 400, "too large"},
		{"more than 64 bits", "fffffffffffffffff"[:16], 400, "too large"},
		{"a bare line feed in an extension", "1;a\n", 400, "line feed"},
		{"a bare carriage return in an extension", "1;a\rb", 400, "carriage return"},
		{"NUL in an extension", "1;a\x00", 400, "extension"},
		{"DEL in an extension", "1;a\x7f", 400, "extension"},
		{"too much extension", "1;" + strings.Repeat("a", 1024), 400, "too long"},
		{"too many extensions", strings.Repeat("1;aaa\r\nx\r\n", 256) + "1;", 400, "too long"},
		{"more data than the size", "5\r\nhellow", 400, "end of line"},
		{"a bare line feed after the data", "5\r\nhello\n", 400, "end of line"},
		{"a bare carriage return after the data", "5\r\nhello\rx", 400, "end of line"},
	} {
		t.Run(c.name, func(t *testing.T) { rejectBody(t, c.in, roomy, c.status, c.reason) })
	}
	// The largest size is one; its data does not come.
	d := decodeUpTo(newChunked(roomy), []byte("7fffffffffffffff\r\nabc"), 21)
	if d.err != nil || d.data != "abc" || d.end {
		t.Errorf("%+v", d)
	}
}

func TestRFC9112Section7_1_2_Trailers(t *testing.T) {
	d := acceptBody(t, "0\r\nA: b\r\nServer-Timing:c \r\n\r\n", roomy)
	want := []trailer{{"A", "b", "A: b\r\n", Other, false}, {"Server-Timing", "c", "", Other, false}}
	if !reflect.DeepEqual(d.trailers, want) {
		t.Errorf("%+v", d)
	}
	for _, name := range []string{
		"Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer", "Upgrade", "HTTP2-Settings", "Expect",
		"Forwarded", "X-Forwarded-For", "x-forwarded-port", "X-Forwarded-Proto", "X-Request-Id", "X-Real-IP",
		"Authorization", "cookie", "Set-Cookie", "Content-Encoding", "Content-Type", "Content-Range", "Cache-Control", "If-Match", "if-none-match",
		"Range", "Max-Forwards", "WWW-Authenticate", "Location", "Date", "Age", "Expires", "Vary", "Pragma", "Warning", "Retry-After",
	} {
		if d := acceptBody(t, "0\r\n"+name+": b\r\n\r\n", roomy); !d.trailers[0].hop {
			t.Errorf("%s may pass", name)
		}
	}
	for _, name := range []string{"ETag", "Digest", "Content-MD5", "Content-Digest", "X-Forwarded", "If", "Cookie2", "grpc-status"} {
		if d := acceptBody(t, "0\r\n"+name+": b\r\n\r\n", roomy); d.trailers[0].hop {
			t.Errorf("%s may not pass", name)
		}
	}
	small := Limits{Bytes: len("A: b\r\nC: d\r\n\r\n"), Fields: 2}
	acceptBody(t, "0\r\nA: b\r\nC: d\r\n\r\n", small)
	for _, c := range []struct {
		refused
		l Limits
	}{
		{refused{"Content-Length", "0\r\nContent-Length: 1\r\n", 400, "heads only"}, roomy},
		{refused{"Transfer-Encoding", "0\r\nA: b\r\ntransfer-encoding: chunked\r\n", 400, "heads only"}, roomy},
		{refused{"Host", "0\r\nHost: a\r\n", 400, "heads only"}, roomy},
		{refused{"Connection", "0\r\nConnection: close\r\n", 400, "heads only"}, roomy},
		{refused{"a folded line", "0\r\nA: b\r\n ", 400, "begins with whitespace"}, roomy},
		{refused{"a space first", "0\r\n ", 400, "begins with whitespace"}, roomy},
		{refused{"a space before the colon", "0\r\nA ", 400, "followed by whitespace"}, roomy},
		{refused{"a bare line feed", "0\r\nA: b\n", 400, "line feed"}, roomy},
		{refused{"a bare line feed at the end", "0\r\n\n", 400, "line feed"}, roomy},
		{refused{"a bare carriage return at the end", "0\r\n\rx", 400, "carriage return"}, roomy},
		{refused{"a control character", "0\r\nA: \x01", 400, "control"}, roomy},
		{refused{"too many fields", "0\r\nA: b\r\nC: d\r\nE", 431, "too many"}, Limits{Bytes: 100, Fields: 2}},
		{refused{"too long a line", "0\r\nA: b\r\nC: def\r\n", 431, "too large"}, small},
		{refused{"no room for the empty line", "0\r\nA: b\r\nC: de\r\n\r", 431, "too large"}, small},
		{refused{"nothing fits", "0\r\n", 431, "too large"}, Limits{Fields: 1}},
		{refused{"half the end fits", "0\r\n\r", 431, "too large"}, Limits{Bytes: 1, Fields: 1}},
	} {
		t.Run(c.name, func(t *testing.T) { rejectBody(t, c.in, c.l, c.status, c.reason) })
	}
}

// TestChunksCostLinearTime is as TestHeadsCostLinearTime: nothing but a trailer field's
// line is kept, and that is looked at once.
func TestChunksCostLinearTime(t *testing.T) {
	in := []byte("10;a=b\r\n0123456789abcdef\r\n0\r\nA: b\r\nTrailer: " + strings.Repeat("a \t", 10<<10))
	c := newChunked(roomy)
	at := 0
	for end := range len(in) + 1 {
		for {
			e, n, err := c.Next(in[at:end])
			if err != nil {
				t.Fatal(err)
			}
			if at += n; e == More {
				break
			}
		}
		if again := end - at - c.line.read; again > 1 {
			t.Fatalf("after %d bytes: %d of them are to be looked at again", end, again)
		}
	}
}

func TestAppend(t *testing.T) {
	for n, want := range map[int]string{0: "0", 9: "9", 10: "a", 255: "ff", 1 << 20: "100000", 1<<63 - 1: "7fffffffffffffff"} {
		if got := string(AppendChunkSize([]byte(">"), n)); got != ">"+want+"\r\n" {
			t.Errorf("%d: %q", n, got)
		}
	}
	if got := string(AppendField([]byte(">"), []byte("A"), []byte("b"))); got != ">A: b\r\n" {
		t.Errorf("%q", got)
	}
}
