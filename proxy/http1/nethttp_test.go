package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

// These tests compare with net/http: what this package takes, net/http takes, and reads
// the same: where the message ends, its fields in order for each name, its body and
// trailers. It need not be so the other way round: this package is the stricter one.
// All exceptions are here; where one is made, the code names it:
//
//   - empty line: one empty line before a request is skipped here (RFC 9112, 2.2);
//     http.ReadRequest leaves that to its caller.
//   - URL: a target is taken here if its bytes are; net/http parses it as a URL, and
//     refuses percent signs without two digits and the like.
//   - host: net/http decodes a percent-encoded authority; here it stays as it is.
//   - Pragma: net/http adds Cache-Control: no-cache for Pragma: no-cache.
//   - Trailer: net/http refuses a Trailer field that announces framing fields; here
//     these are refused when they come. With chunks it takes the field out.
//   - close: net/http takes Connection out of a response with close in it.
//   - 304: net/http has length 0 for a response to GET whose status has no body; here
//     Content-Length is told as it is.
//   - overhead: net/http refuses chunks with more than 16 KiB of overhead.

// remaining returns what was not read of a reader that was read through r.
func remaining(r *bufio.Reader) string {
	b, _ := io.ReadAll(r)
	return string(b)
}

// header makes of fields what net/http makes of them.
func header(b []byte, fields []Field) http.Header {
	h := http.Header{}
	for _, f := range fields {
		name := textproto.CanonicalMIMEHeaderKey(string(f.Name.Of(b)))
		h[name] = append(h[name], string(f.Value.Of(b)))
	}
	if len(h["Pragma"]) > 0 && h["Pragma"][0] == "no-cache" && h["Cache-Control"] == nil {
		h["Cache-Control"] = []string{"no-cache"} // exception "Pragma"
	}
	delete(h, "Transfer-Encoding")
	return h
}

// badTrailer says whether err is of exception "Trailer".
func badTrailer(err error) bool { return strings.Contains(err.Error(), "bad trailer key") }

// sameBody compares how a body is read: data, trailers, what follows. framed has the
// body and what follows.
func sameBody(t *testing.T, framed []byte, framing Framing, length int64, body io.Reader, rest *bufio.Reader, trailers func() http.Header) {
	t.Helper()
	data, err := io.ReadAll(body)
	switch framing {
	case NoBody:
		length = 0
		fallthrough
	case ByLength:
		if int64(len(framed)) < length {
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%d of %d bytes: %v", len(framed), length, err)
			}
			return
		}
		if err != nil || !bytes.Equal(data, framed[:length]) {
			t.Errorf("body %q, %v; want %q", data, err, framed[:length])
		}
		if left := remaining(rest); left != string(framed[length:]) {
			t.Errorf("followed by %q; want %q", left, framed[length:])
		}
	case ByClose:
		if err != nil || !bytes.Equal(data, framed) {
			t.Errorf("body %q, %v; want %q", data, err, framed)
		}
	case ByChunks:
		d := decodeUpTo(newChunked(Limits{1 << 20, 1 << 20}), framed, len(framed))
		if d.err != nil {
			return
		}
		if !strings.HasPrefix(d.data, string(data)) {
			t.Errorf("body %q; want %q", data, d.data)
		}
		if !d.end {
			if err == nil {
				t.Errorf("the end of %q", framed)
			}
			return
		}
		if err != nil && strings.Contains(err.Error(), "too much non-data") {
			return // exception "overhead"
		}
		if err != nil || string(data) != d.data {
			t.Errorf("body %q, %v; want %q", data, err, d.data)
			return
		}
		if left := remaining(rest); left != string(framed[d.n:]) {
			t.Errorf("followed by %q; want %q", left, framed[d.n:])
		}
		got, want := http.Header{}, http.Header{}
		for name, values := range trailers() {
			if values != nil { // else only announced
				got[name] = values
			}
		}
		for _, f := range d.trailers {
			name := textproto.CanonicalMIMEHeaderKey(f.name)
			want[name] = append(want[name], f.value)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("trailers %q; want %q", got, want)
		}
	}
}

func FuzzRequestAgainstNetHTTP(f *testing.F) {
	for _, in := range requestHeads {
		f.Add(in)
	}
	f.Fuzz(compareRequest)
}

func compareRequest(t *testing.T, in []byte) {
	t.Helper()
	var r Request
	n, err := r.Parse(in, Limits{1 << 20, 1 << 20})
	if n == 0 || err != nil {
		return
	}
	br := bufio.NewReaderSize(bytes.NewReader(bytes.TrimPrefix(in, []byte("\r\n"))), 1<<20) // exception "empty line"
	q, err := http.ReadRequest(br)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) || badTrailer(err) {
			return // exceptions "URL", "Trailer"
		}
		t.Fatalf("%v", err)
	}
	if q.Method != string(r.Method.Of(in)) || q.RequestURI != string(r.Target.Of(in)) || q.ProtoMajor != 1 || q.ProtoMinor != int(r.Minor) {
		t.Errorf("%s %s %s", q.Method, q.RequestURI, q.Proto)
	}
	if host := string(r.Authority.Of(in)); q.Host != host && !(r.absolute && strings.Contains(host, "%")) { // exception "host"
		t.Errorf("host %q; want %q", q.Host, host)
	}
	if target := string(r.AppendTarget(nil, in)); r.absolute && target != "*" && target != q.URL.RequestURI() && !strings.Contains(target, "%") && q.URL.RawPath == "" {
		// RequestURI escapes what may not stand in a URL: compare what it means.
		u, err := url.ParseRequestURI(target)
		path := q.URL.Path
		if path == "" {
			path = "/"
		}
		if err != nil || u.Path != path || u.RawQuery != q.URL.RawQuery {
			t.Errorf("forwards %q; want %q", target, q.URL.RequestURI())
		}
	}
	want := header(in, r.Fields)
	delete(want, "Host")
	if r.Chunked {
		delete(want, "Trailer") // exception "Trailer"
	}
	if !reflect.DeepEqual(q.Header, want) {
		t.Errorf("fields %q; want %q", q.Header, want)
	}
	if q.ContentLength != r.Length || (len(q.TransferEncoding) == 1) != r.Chunked {
		t.Errorf("length %d, codings %q", q.ContentLength, q.TransferEncoding)
	}
	if q.Close == r.KeepAlive {
		t.Errorf("close %t", q.Close)
	}
	framing := ByLength
	if r.Chunked {
		framing = ByChunks
	}
	sameBody(t, in[n:], framing, r.Length, q.Body, br, func() http.Header { return q.Trailer })
}

func FuzzResponseAgainstNetHTTP(f *testing.F) {
	for _, in := range responseHeads {
		f.Add(in, false)
		f.Add(in, true)
	}
	f.Fuzz(compareResponse)
}

func compareResponse(t *testing.T, in []byte, head bool) {
	t.Helper()
	var r Response
	n, err := r.Parse(in, Limits{1 << 20, 1 << 20})
	if n == 0 || err != nil {
		return
	}
	method := "GET"
	if head {
		method = "HEAD"
	}
	br := bufio.NewReaderSize(bytes.NewReader(in), 1<<20)
	q, err := http.ReadResponse(br, &http.Request{Method: method})
	if err != nil {
		if badTrailer(err) {
			return // exception "Trailer"
		}
		t.Fatalf("%v", err)
	}
	status := string(in[len("HTTP/1.1 "):len("HTTP/1.1 200")])
	if reason := string(r.Reason.Of(in)); q.StatusCode != r.Status || strings.TrimPrefix(q.Status, status) != reason && q.Status != status+" "+reason || q.ProtoMajor != 1 || q.ProtoMinor != int(r.Minor) {
		t.Errorf("%q %s", q.Status, q.Proto)
	}
	framing := r.Body(head)
	want := header(in, r.Fields)
	if q.Header["Connection"] == nil && r.Minor == 1 && !r.KeepAlive {
		delete(want, "Connection") // exception "close"
	}
	if r.Chunked {
		delete(want, "Trailer") // exception "Trailer"
	}
	if !reflect.DeepEqual(q.Header, want) {
		t.Errorf("fields %q; want %q", q.Header, want)
	}
	if chunked := len(q.TransferEncoding) == 1; chunked != r.Chunked {
		t.Errorf("codings %q", q.TransferEncoding)
	}
	switch {
	case framing == ByLength, head && r.HasLength:
		if q.ContentLength != r.Length {
			t.Errorf("length %d", q.ContentLength)
		}
	case framing == NoBody && !head: // exception "304"
		if q.ContentLength != 0 {
			t.Errorf("length %d of status %d", q.ContentLength, r.Status)
		}
	default:
		if q.ContentLength != -1 {
			t.Errorf("length %d", q.ContentLength)
		}
	}
	if q.Close != (!r.KeepAlive || framing == ByClose) && framing != NoBody {
		t.Errorf("close %t", q.Close)
	}
	sameBody(t, in[n:], framing, r.Length, q.Body, br, func() http.Header { return q.Trailer })
}

func FuzzChunkedAgainstNetHTTP(f *testing.F) {
	f.Add(chunks)
	f.Add([]byte("5;a=b\r\nhello\r\n00\r\nA: b\r\nCookie:c\r\n\r\nGET"))
	f.Add([]byte("7fffffffffffffff;\t\x80\r\nhello"))
	f.Fuzz(compareChunked)
}

func compareChunked(t *testing.T, in []byte) {
	t.Helper()
	l := Limits{1 << 20, 1 << 20}
	d := decodeUpTo(newChunked(l), in, len(in))
	if d.err != nil {
		return
	}
	br := bufio.NewReaderSize(bytes.NewReader(in), 1<<20)
	data, err := io.ReadAll(httputil.NewChunkedReader(br))
	if err != nil && strings.Contains(err.Error(), "too much non-data") {
		return // exception "overhead"
	}
	if !strings.HasPrefix(d.data, string(data)) || d.end && (err != nil || string(data) != d.data) {
		t.Fatalf("%q, %v; want %+v", data, err, d)
	}
	if err != nil {
		return
	}
	// It stops before the trailer section, which with a last chunk before it is read
	// the same.
	rest := append([]byte("0\r\n"), remaining(br)...)
	again := decodeUpTo(newChunked(l), rest, len(rest))
	if again.end != d.end || !reflect.DeepEqual(again.trailers, d.trailers) || d.end && string(rest[again.n:]) != string(in[d.n:]) {
		t.Errorf("%+v; want %+v", again, d)
	}
}
