package http1

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// ends makes of cuts, whatever they are, where calls end that together read n bytes.
func ends(cuts []byte, n int) []int {
	list := []int{}
	at := 0
	for _, c := range cuts {
		if at += int(c); at >= n {
			break
		}
		list = append(list, at)
	}
	return append(list, n)
}

// heads are requests and responses to begin with.
var requestHeads, responseHeads = [][]byte{
	smallRequest, browserRequest,
	[]byte("OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"),
	[]byte("\r\nPOST http://a?b HTTP/1.1\r\nHost:\tb \r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n5;a\r\nhello\r\n0\r\nX: y\r\n\r\nGET /"),
	[]byte("PUT /a HTTP/1.0\r\nContent-Length: 3\r\nConnection: keep-alive, foo\r\nFoo: \xe4\r\nFoo:\r\n\r\nabcGET"),
}, [][]byte{
	response20,
	[]byte("HTTP/1.0 200\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabcHTTP/1.1 "),
	[]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\nHTTP/1.1 "),
	[]byte("HTTP/1.1 101 x\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\nabc"),
	[]byte("HTTP/1.1 304 \r\nContent-Length: 3\r\n\r\nHTTP/1.1 "),
}

func FuzzRequest(f *testing.F) {
	for _, in := range requestHeads {
		f.Add(in, []byte{1, 20, 3}, uint16(2000), uint8(20))
	}
	f.Fuzz(checkRequest)
}

func checkRequest(t *testing.T, in, cuts []byte, size uint16, fields uint8) {
	t.Helper()
	l := Limits{Bytes: int(size), Fields: int(fields)}
	r := new(Request)
	whole := feed(r, in, l, len(in))
	if cut := feed(new(Request), in, l, ends(cuts, len(in))...); !reflect.DeepEqual(whole, cut) {
		t.Fatalf("at once: %+v\nin parts: %+v", whole, cut)
	}
	if whole.n == 0 {
		return
	}
	checkHead(t, in[:whole.n], r.Fields, l)
	checkFraming(t, in, r.Fields, r.Minor, r.Length, r.HasLength, r.Chunked)
	for _, s := range []Span{r.Method, r.Target, r.Path, r.Authority, r.RequestID} {
		checkSpan(t, s, whole.n)
	}

	// Written anew, it reads the same.
	var anew []byte
	anew = append(append(anew, r.Method.Of(in)...), ' ')
	anew = append(append(anew, r.Target.Of(in)...), " HTTP/1."...)
	anew = append(append(anew, '0'+r.Minor), "\r\n"...)
	anew = appendFields(anew, in, r.Fields)
	again := new(Request)
	if n, err := again.Parse(anew, Limits{1 << 20, 1 << 20}); n != len(anew) || err != nil {
		t.Fatalf("%q: %d, %v", anew, n, err)
	}
	checkSame(t, in, anew, r.Fields, again.Fields)
	a, b := *r, *again
	for _, s := range [][2]Span{{a.Method, b.Method}, {a.Target, b.Target}, {a.Path, b.Path}, {a.Authority, b.Authority}, {a.RequestID, b.RequestID}} {
		if !bytes.Equal(s[0].Of(in), s[1].Of(anew)) {
			t.Errorf("%q is now %q", s[0].Of(in), s[1].Of(anew))
		}
	}
	for _, r := range []*Request{&a, &b} {
		r.Method, r.Target, r.Path, r.Authority, r.RequestID = Span{}, Span{}, Span{}, Span{}, Span{}
		r.Fields, r.head = nil, head{}
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%+v is now\n%+v", a, b)
	}

	// What is forwarded is a target, too, and in origin-form or *.
	target := r.AppendTarget(nil, in)
	if len(target) == 0 || target[0] != '/' && string(target) != "*" {
		t.Errorf("forwards %q", target)
	}
}

func FuzzResponse(f *testing.F) {
	for _, in := range responseHeads {
		f.Add(in, []byte{1, 20, 3}, uint16(2000), uint8(30))
	}
	f.Fuzz(checkResponse)
}

func checkResponse(t *testing.T, in, cuts []byte, size uint16, fields uint8) {
	t.Helper()
	l := Limits{Bytes: int(size), Fields: int(fields)}
	r := new(Response)
	whole := feed(r, in, l, len(in))
	if cut := feed(new(Response), in, l, ends(cuts, len(in))...); !reflect.DeepEqual(whole, cut) {
		t.Fatalf("at once: %+v\nin parts: %+v", whole, cut)
	}
	if err := (*Error)(nil); errors.As(whole.err, &err) && err.Status != 502 {
		t.Errorf("%+v", whole.err)
	}
	if whole.n == 0 {
		return
	}
	checkHead(t, in[:whole.n], r.Fields, l)
	checkFraming(t, in, r.Fields, r.Minor, r.Length, r.HasLength, r.Chunked)
	checkSpan(t, r.Reason, whole.n)
	if r.Status < 100 || r.Status > 999 {
		t.Errorf("status %d", r.Status)
	}
	if r.Body(true) != NoBody {
		t.Error("a body for HEAD")
	}
}

func FuzzChunked(f *testing.F) {
	f.Add(chunks, []byte{100, 200, 1}, uint16(100), uint8(10))
	f.Add([]byte("5;a=b\r\nhello\r\n00\r\nA: b\r\nCookie:c\r\n\r\nGET"), []byte{1, 1, 1}, uint16(100), uint8(10))
	f.Add([]byte("7fffffffffffffff;\t\x80\r\nhello"), []byte{7}, uint16(100), uint8(10))
	f.Fuzz(checkChunked)
}

func checkChunked(t *testing.T, in, cuts []byte, size uint16, fields uint8) {
	t.Helper()
	l := Limits{Bytes: int(size), Fields: int(fields)}
	whole := decodeUpTo(newChunked(l), in, len(in))
	if cut := decodeUpTo(newChunked(l), in, ends(cuts, len(in))...); !reflect.DeepEqual(whole, cut) {
		t.Fatalf("at once: %+v\nin parts: %+v", whole, cut)
	}
	if whole.n > len(in) || len(whole.data) > len(in) || len(whole.trailers) > l.Fields {
		t.Errorf("%+v", whole)
	}
	if !whole.end {
		return
	}
	// Written anew, it reads the same.
	var anew []byte
	if len(whole.data) > 0 {
		anew = AppendChunkSize(nil, len(whole.data))
		anew = append(append(anew, whole.data...), "\r\n"...)
	}
	anew = AppendChunkSize(anew, 0)
	for _, f := range whole.trailers {
		anew = AppendField(anew, []byte(f.name), []byte(f.value))
	}
	anew = append(anew, "\r\n"...)
	again := decodeUpTo(newChunked(Limits{1 << 20, 1 << 20}), anew, len(anew))
	if again.n != len(anew) || again.data != whole.data || len(again.trailers) != len(whole.trailers) {
		t.Fatalf("%+v is now\n%+v", whole, again)
	}
	for i, f := range whole.trailers {
		g := again.trailers[i]
		if f.name != g.name || f.value != g.value || f.kind != g.kind || f.hop != g.hop || f.line != "" && f.line != g.line {
			t.Errorf("%+v is now %+v", f, g)
		}
	}
}

func checkSpan(t *testing.T, s Span, n int) {
	t.Helper()
	if s.Start > s.End || int(s.End) > n {
		t.Errorf("span %+v of %d bytes", s, n)
	}
}

// checkHead sees to what is true of all heads that are taken.
func checkHead(t *testing.T, b []byte, fields []Field, l Limits) {
	t.Helper()
	if len(b) > l.Bytes || len(fields) > l.Fields {
		t.Errorf("%d bytes, %d fields, limits %+v", len(b), len(fields), l)
	}
	if !bytes.HasSuffix(b, []byte("\r\n\r\n")) {
		t.Errorf("ends with %q", b)
	}
	rest := strings.ReplaceAll(string(b), "\r\n", "")
	if strings.ContainsAny(rest, "\r\n\x00\x7f") {
		t.Errorf("control characters in %q", b)
	}
	for i, f := range fields {
		checkSpan(t, f.Name, len(b))
		checkSpan(t, f.Value, len(b))
		checkSpan(t, f.Line, len(b))
		name, value := f.Name.Of(b), f.Value.Of(b)
		if len(name) == 0 || bytes.ContainsAny(name, " \t:,;\"()/[]{}<>=?@\\") {
			t.Errorf("name %q", name)
		}
		if !bytes.Equal(value, bytes.Trim(value, " \t")) {
			t.Errorf("value %q", value)
		}
		written := AppendField(nil, name, value)
		whole := bytes.HasPrefix(b[f.Name.Start:], written)
		if canonical := f.Line != (Span{}); canonical != whole || canonical && !bytes.Equal(f.Line.Of(b), written) {
			t.Errorf("line %q of %q", f.Line.Of(b), written)
		}
		if i > 0 && f.Name.Start <= fields[i-1].Value.End {
			t.Errorf("field %d begins within the one before", i)
		}
		want := Other
		for k, known := range kindNames {
			switch {
			case len(known) == 0:
			case strings.EqualFold(string(known), string(name)):
				want = Kind(k)
			case len(known) == len(name) && strings.EqualFold(string(known), strings.ReplaceAll(string(name), "_", "-")):
				want = Masked
			}
		}
		if f.Kind != want {
			t.Errorf("%q: kind %d", name, f.Kind)
		}
		hop := hopByHop[want]
		if mayNominate(want) {
			hop = hop || slices.ContainsFunc(fields, func(c Field) bool {
				return c.Kind == Connection && slices.ContainsFunc(strings.Split(string(c.Value.Of(b)), ","), func(o string) bool {
					return strings.EqualFold(strings.Trim(o, " \t"), string(name))
				})
			})
		}
		if f.Hop != hop {
			t.Errorf("%q: hop %t", name, f.Hop)
		}
	}
}

// checkFraming sees to the framing in the plainest way.
func checkFraming(t *testing.T, b []byte, fields []Field, minor uint8, length int64, given, chunked bool) {
	t.Helper()
	lengths, codings := 0, 0
	for _, f := range fields {
		switch strings.ToLower(string(f.Name.Of(b))) {
		case "content-length":
			lengths++
		case "transfer-encoding":
			codings++
			if !strings.EqualFold(string(f.Value.Of(b)), "chunked") || minor == 0 {
				t.Errorf("coding %q", f.Value.Of(b))
			}
		}
	}
	if lengths+codings > 1 || given != (lengths == 1) || chunked != (codings == 1) {
		t.Errorf("%d lengths, %d codings; %t, %t", lengths, codings, given, chunked)
	}
	if chunked && length != -1 || !chunked && length < 0 || !given && length > 0 {
		t.Errorf("length %d", length)
	}
}

func appendFields(dst, b []byte, fields []Field) []byte {
	for _, f := range fields {
		dst = AppendField(dst, f.Name.Of(b), f.Value.Of(b))
	}
	return append(dst, "\r\n"...)
}

func checkSame(t *testing.T, a, b []byte, x, y []Field) {
	t.Helper()
	if len(x) != len(y) {
		t.Fatalf("%d fields are now %d", len(x), len(y))
	}
	for i := range x {
		if !bytes.Equal(x[i].Name.Of(a), y[i].Name.Of(b)) || !bytes.Equal(x[i].Value.Of(a), y[i].Value.Of(b)) || x[i].Kind != y[i].Kind || x[i].Hop != y[i].Hop {
			t.Errorf("field %q is now %q", x[i].Name.Of(a), y[i].Name.Of(b))
		}
		if y[i].Line == (Span{}) {
			t.Errorf("what AppendField wrote is not canonical: %q", b)
		}
	}
}
