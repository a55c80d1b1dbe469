package http1

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// parsed is what came of a head. Two that are deeply equal mean the same.
type parsed struct {
	n    int
	err  error
	head any // a Request or Response without what only its parser is to know
}

// parser is a Request or a Response that begins.
type parser interface {
	Parse(b []byte, l Limits) (int, error)
	position() int
	meaning() any
}

func (r *Request) meaning() any {
	m := *r
	m.head, m.Fields = head{}, slices.Clone(r.Fields)
	return m
}

func (r *Response) meaning() any {
	m := *r
	m.head, m.Fields = head{}, slices.Clone(r.Fields)
	return m
}

func (r *Request) position() int  { return r.head.position() }
func (r *Response) position() int { return r.head.position() }

// position is up to where a head that is not whole was looked at for good.
func (h *head) position() int { return max(h.read, h.at+h.line.read) }

// feed gives p the first ends[0] bytes of in, then ends[1], and so on, each time in
// another place, until that is all or it has its result.
func feed(p parser, in []byte, l Limits, ends ...int) parsed {
	for _, end := range ends {
		if n, err := p.Parse(bytes.Clone(in[:end]), l); err != nil {
			return parsed{err: err}
		} else if n > 0 {
			return parsed{n: n, head: p.meaning()}
		}
	}
	return parsed{}
}

// upTo is 0 to n.
func upTo(n int) []int {
	ends := make([]int, n+1)
	for i := range ends {
		ends[i] = i
	}
	return ends
}

// roomy are limits that nothing small reaches.
var roomy = Limits{Bytes: 64 << 10, Fields: 1000}

// accept parses in, which is a whole head, in many ways; all have to come to the same,
// and none before the end of in.
func accept(t *testing.T, begin func() parser, in string, l Limits) any {
	t.Helper()
	b := []byte(in)
	whole := feed(begin(), b, l, len(b))
	if whole.err != nil || whole.n != len(b) {
		t.Fatalf("%q: length %d (of %d), error %v", in, whole.n, len(b), whole.err)
	}
	check := func(how string, got parsed) {
		t.Helper()
		if !reflect.DeepEqual(got, whole) {
			t.Fatalf("%q %s:\n%+v, but at once:\n%+v", in, how, got, whole)
		}
	}
	check("byte by byte", feed(begin(), b, l, upTo(len(b))...))
	check("with more behind it", feed(begin(), []byte(in+"\x00 more"), l, len(b)+6))
	for cut := range b {
		check(fmt.Sprint("cut at ", cut), feed(begin(), b, l, cut, len(b)))
	}
	return whole.head
}

// reject parses in, whose last byte shows what is wrong with it: not before, and in the
// same way however it is cut and whatever follows.
func reject(t *testing.T, begin func() parser, in string, l Limits, status int, reason string) {
	t.Helper()
	b := []byte(in)
	check := func(how string, got parsed) {
		t.Helper()
		var err *Error
		if !errors.As(got.err, &err) {
			t.Fatalf("%q %s: length %d, error %v", in, how, got.n, got.err)
		}
		if err.Status != status || !strings.Contains(err.Reason, reason) {
			t.Fatalf("%q %s: %d %s; want %d %s", in, how, err.Status, err.Reason, status, reason)
		}
	}
	if before := feed(begin(), b[:len(b)-1], l, len(b)-1); before.err != nil || before.n != 0 {
		t.Errorf("%q without its last byte: length %d, error %v", in, before.n, before.err)
	}
	check("at once", feed(begin(), b, l, len(b)))
	check("byte by byte", feed(begin(), b, l, upTo(len(b))...))
	check("with more behind it", feed(begin(), []byte(in+"x\r\n\r\n"), l, len(b)+5))
	for cut := range b {
		check(fmt.Sprint("cut at ", cut), feed(begin(), b, l, cut, len(b)))
	}
	p := begin()
	first := feed(p, b, l, len(b))
	if again := feed(p, b, l, len(b)); again != first {
		t.Errorf("%q again: %v, before: %v", in, again, first)
	}
}

func newRequest() parser  { return new(Request) }
func newResponse() parser { return new(Response) }

// crlf writes a head's lines, given with \n, as they are on the wire.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

// TestHeadsCostLinearTime sees to it that a head that drips in is looked at once: of
// what a call has seen, no more than a start line's few fixed bytes are seen again.
func TestHeadsCostLinearTime(t *testing.T) {
	long := strings.Repeat("a", 20<<10)
	for name, c := range map[string]struct {
		begin func() parser
		in    string
	}{
		"method":    {newRequest, long},
		"target":    {newRequest, "GET /" + long},
		"authority": {newRequest, "GET http://" + long},
		"query":     {newRequest, "GET http://x?" + long},
		"name":      {newRequest, "GET / HTTP/1.1\r\n" + long},
		"value":     {newRequest, "GET / HTTP/1.1\r\nHost: " + long},
		"spaces":    {newRequest, "GET / HTTP/1.1\r\nHost: " + strings.Repeat(" \t", 10<<10)},
		"fields":    {newRequest, "GET / HTTP/1.1\r\n" + strings.Repeat("a: b\r\n", 900)},
		"reason":    {newResponse, "HTTP/1.1 200 " + long},
		"response":  {newResponse, "HTTP/1.1 200 OK\r\na: " + long},
	} {
		t.Run(name, func(t *testing.T) {
			p := c.begin()
			in := []byte(c.in)
			for end := range len(in) + 1 {
				if n, err := p.Parse(in[:end], roomy); n != 0 || err != nil {
					t.Fatalf("after %d bytes: %d, %v", end, n, err)
				}
				if again := end - p.position(); again > len("HTTP/1.1 200 ") {
					t.Fatalf("after %d bytes: %d of them are to be looked at again", end, again)
				}
			}
		})
	}
}

// TestNothingIsAllocated after the first head.
func TestNothingIsAllocated(t *testing.T) {
	var r Request
	var s Response
	var c Chunked
	bad := []byte("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n")
	nominating := []byte("GET http://x/ HTTP/1.1\r\nHost: x\r\nConnection: a, close, b\r\nA: b\r\nExpect: 100-continue\r\n\r\n")
	body := []byte("5;a=b\r\nhello\r\n0\r\nContent-Type: x\r\nA: b\r\n\r\n")
	target := make([]byte, 0, 100)
	for name, do := range map[string]func(){
		"request":            func() { r.Reset(); r.Parse(browserRequest, roomy) },
		"a cut request":      func() { r.Reset(); r.Parse(browserRequest[:300], roomy); r.Parse(browserRequest, roomy) },
		"a bad request":      func() { r.Reset(); r.Parse(bad, roomy) },
		"nominations":        func() { r.Reset(); r.Parse(nominating, roomy); target = r.AppendTarget(target[:0], nominating) },
		"response":           func() { s.Reset(); s.Parse(response20, roomy) },
		"chunks":             func() { c.Reset(roomy); decode(&c, chunks) },
		"chunks and trailer": func() { c.Reset(roomy); decode(&c, body) },
		"a chunk's size":     func() { target = AppendChunkSize(target[:0], 1<<40) },
		"a field":            func() { target = AppendField(target[:0], bad[16:20], bad[22:23]) },
	} {
		if n := testing.AllocsPerRun(100, do); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// decode reads a body to its end and returns its length.
func decode(c *Chunked, in []byte) int {
	for at := 0; ; {
		e, n, err := c.Next(in[at:])
		at += n
		if e == End || err != nil || e == More && at == len(in) {
			return at
		}
	}
}
