package http1

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// What heads and bodies are made of here: mostly what is right, some that is not, so
// that combinations come about that a fuzzer finds late.
var (
	somePaths = []string{"/", "/", "/a?b=c", "//a", "http://h", "http://h/", "HTTPS://h:1/a", "http://h?q", "http://[::1]/", "*", "/%41%2f%zz", "/a#", "http://u@h/", "http://h:x/", "h", "", "/\x80"}
	someLines = []string{"GET", "GET", "HEAD", "POST", "PUT", "OPTIONS", "OPTIONS", "CONNECT", "X-Y", "get", "(", ""}
	someCodes = []string{"200 OK", "200", "200 ", "204 No", "304 Not Modified", "100 Continue", "101 Switching", "404 \xe4", "099", "20", "2000", "999 x y"}
	someEnds  = []string{"1.1", "1.1", "1.1", "1.0", "1.2", "2.0", "1.", "1.1 "}
	someNames = []string{
		"Host", "host", "Content-Length", "content-length", "Transfer-Encoding", "TRANSFER-ENCODING", "Connection", "Connection", "Keep-Alive", "TE", "Trailer",
		"Upgrade", "Expect", "X-Request-Id", "X-Forwarded-For", "HTTP2-Settings", "Cookie", "Pragma", "Cache-Control", "A", "A-b_c.1", "Content_Length", "",
		"A ", "A\t", "Content-Length\x00", "X\x80", " A", "Host:", "Foo",
	}
	someValues = []string{
		"x", "x", "h:80", "[::1]", "3", "0", "5", "03", "+3", "3, 3", "3,3", "-1", "99999999999999999999", "chunked", "chunked", "Chunked", "gzip, chunked", "chunked, chunked", "identity", "close", "keep-alive",
		"upgrade", "close, Foo", "Foo,,A", "host, content-length", "websocket", "h2c", "100-continue", "no-cache", "", " ", "\t x \t", "a b", "a\tb", "\xe4\xff", "a\x00", "a\x7f", "a\rb", "a\nb", "Content-Length", "X, Y",
	}
	someBreaks = []string{"\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\r\n", "\n", "\r", "\r\n ", "\r\r\n"}
	someChunks = []string{
		"5\r\nhello\r\n", "5\r\nhello\r\n", "1;a=b\r\nx\r\n", "01\r\nx\r\n", "A\r\n0123456789\r\n", "5 \r\nhello\r\n", "0x5\r\nhello\r\n", "5\nhello\r\n", "5\r\nhello\n", "5\r\nhello!\r\n",
		"-5\r\n", ";\r\n", "8000000000000000\r\n", "1;\n\r\nx\r\n", "1;\"\\\r\nx\r\n",
	}
)

type composer struct{ *rand.Rand }

func (c composer) one(of []string) string { return of[c.IntN(len(of))] }

// good is the first of list, which is right, or one of them.
func (c composer) good(list []string) string {
	if c.IntN(8) > 0 {
		return list[0]
	}
	return c.one(list)
}

func (c composer) fields(w *strings.Builder, most int) {
	for range c.IntN(most + 1) {
		w.WriteString(c.one(someNames) + ":" + c.good([]string{" ", "", "  ", "\t"}) + c.one(someValues) + c.one(someBreaks))
	}
	w.WriteString(c.good(someBreaks))
}

func (c composer) body(w *strings.Builder) {
	for range c.IntN(4) {
		w.WriteString(c.one(someChunks))
	}
	w.WriteString("0" + c.good([]string{"", "00", ";a", " "}) + c.good(someBreaks))
	c.fields(w, 1)
	w.WriteString(c.one([]string{"", "GET / HTTP/1.1\r\n\r\n", "x"}))
}

func (c composer) request() string {
	var w strings.Builder
	w.WriteString(c.good([]string{"", "\r\n", "\n"}))
	w.WriteString(c.one(someLines) + c.good([]string{" ", "  ", "\t"}) + c.one(somePaths) + " HTTP/" + c.good(someEnds) + c.good(someBreaks))
	if c.IntN(4) > 0 {
		w.WriteString("Host: a\r\n")
	}
	c.fields(&w, 4)
	c.body(&w)
	return w.String()
}

func (c composer) response() string {
	var w strings.Builder
	w.WriteString("HTTP/" + c.good(someEnds) + " " + c.one(someCodes) + c.good(someBreaks))
	c.fields(&w, 4)
	c.body(&w)
	return w.String()
}

// TestComposed gives composed messages to what the fuzz tests check.
func TestComposed(t *testing.T) {
	const rounds = 20_000
	taken := 0
	for seed := range uint64(rounds) {
		c := composer{rand.New(rand.NewPCG(seed, 0))}
		cuts := make([]byte, c.IntN(20))
		for i := range cuts {
			cuts[i] = byte(c.IntN(30))
		}
		size, fields := uint16(c.IntN(400)), uint8(c.IntN(8))
		if c.IntN(4) > 0 {
			size, fields = 1000, 100
		}
		in := []byte(c.request())
		checkRequest(t, in, cuts, size, fields)
		compareRequest(t, in)
		if n, err := new(Request).Parse(in, roomy); n > 0 && err == nil {
			taken++
		}
		in = []byte(c.response())
		checkResponse(t, in, cuts, size, fields)
		compareResponse(t, in, c.IntN(4) == 0)
		var w strings.Builder
		c.body(&w)
		in = []byte(w.String())
		checkChunked(t, in, cuts, size, fields)
		compareChunked(t, in)
		if t.Failed() {
			t.Fatalf("with the seed %d", seed)
		}
	}
	if taken < rounds/20 || taken > rounds/2 {
		t.Errorf("%d of %d requests were taken: too many or too few to learn from", taken, rounds)
	}
	t.Logf("%d of %d requests were taken", taken, rounds)
}
