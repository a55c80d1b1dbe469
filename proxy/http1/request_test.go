package http1

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// In the tables of what is refused, the last byte of each input is the one that shows
// what is wrong.
type refused struct {
	name   string
	in     string
	status int
	reason string
}

func refuseRequests(t *testing.T, cases []refused) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { reject(t, newRequest, c.in, roomy, c.status, c.reason) })
	}
}

func parseRequest(t *testing.T, in string) Request {
	t.Helper()
	return accept(t, newRequest, in, roomy).(Request)
}

func TestRFC9112Section3_RequestLine(t *testing.T) {
	const host = "\r\nHost: x\r\n\r\n"
	for _, c := range []struct {
		name, in       string
		method, target string
		minor          uint8
		idempotent     bool
	}{
		{"GET", "GET / HTTP/1.1" + host, "GET", "/", 1, true},
		{"HTTP/1.0", "GET / HTTP/1.0" + host, "GET", "/", 0, true},
		{"POST is not idempotent", "POST / HTTP/1.1" + host, "POST", "/", 1, false},
		{"PUT is", "PUT / HTTP/1.1" + host, "PUT", "/", 1, true},
		{"DELETE is", "DELETE / HTTP/1.1" + host, "DELETE", "/", 1, true},
		{"TRACE is", "TRACE / HTTP/1.1" + host, "TRACE", "/", 1, true},
		{"PATCH is not", "PATCH / HTTP/1.1" + host, "PATCH", "/", 1, false},
		{"any token is a method", "!#$%&'*+-.^_`|~09azAZ / HTTP/1.1" + host, "!#$%&'*+-.^_`|~09azAZ", "/", 1, false},
		{"methods are case sensitive", "get / HTTP/1.1" + host, "get", "/", 1, false},
		{"one empty line may come before", "\r\nGET / HTTP/1.1" + host, "GET", "/", 1, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := parseRequest(t, c.in)
			b := []byte(c.in)
			if got := string(r.Method.Of(b)); got != c.method {
				t.Errorf("method %q", got)
			}
			if got := string(r.Target.Of(b)); got != c.target {
				t.Errorf("target %q", got)
			}
			if r.Minor != c.minor || r.Idempotent != c.idempotent || r.Head {
				t.Errorf("%+v", r)
			}
		})
	}
	if r := parseRequest(t, "HEAD / HTTP/1.1"+host); !r.Head || !r.Idempotent {
		t.Errorf("HEAD: %+v", r)
	}

	refuseRequests(t, []refused{
		{"a TLS handshake", "\x16", 400, "method"},
		{"a space first", " ", 400, "method"},
		{"a colon in the method", "GE:", 400, "method"},
		{"a method alone", "GET\r", 400, "method"},
		{"a tab after the method", "GET\t", 400, "method"},
		{"a line feed first", "\n", 400, "line feed"},
		{"a bare carriage return first", "\rG", 400, "carriage return"},
		{"two empty lines first", "\r\n\r", 400, "method"},
		{"obs-text in the method", "G\x80", 400, "method"},
		{"two spaces before the target", "GET  ", 400, "empty"},
		{"two spaces after the target", "GET /  ", 400, "version"},
		{"a tab after the target", "GET /\t", 400, "target"},
		{"no version (HTTP/0.9)", "GET /\r", 400, "target"},
		{"no version after a space", "GET / \r", 400, "version"},
		{"a bare line feed after the target", "GET /\n", 400, "line feed"},
		{"a lower-case version", "GET / h", 400, "version"},
		{"another protocol", "GET / HTTPS", 400, "version"},
		{"HTTP/2 without a minor version", "GET / HTTP/2\r", 400, "version"},
		{"a version without digits", "GET / HTTP/x", 400, "version"},
		{"HTTP/1,1", "GET / HTTP/1,", 400, "version"},
		{"HTTP/1.x", "GET / HTTP/1.x", 400, "version"},
		{"HTTP/1.2", "GET / HTTP/1.2", 505, "version"},
		{"HTTP/0.9 by name", "GET / HTTP/0.9", 505, "version"},
		{"HTTP/2's preface", "PRI *", 400, "OPTIONS"},
		{"HTTP/2.0", "GET / HTTP/2.0", 505, "version"},
		{"HTTP/1.10", "GET / HTTP/1.10", 400, "does not end"},
		{"a space after the version", "GET / HTTP/1.1 ", 400, "does not end"},
		{"a bare line feed after the version", "GET / HTTP/1.1\n", 400, "line feed"},
		{"a bare carriage return after the version", "GET / HTTP/1.1\rH", 400, "carriage return"},
		{"a bare line feed within the version", "GET / HTTP\n", 400, "line feed"},
	})
}

func TestRFC9112Section3_2_RequestTarget(t *testing.T) {
	for _, c := range []struct {
		name, line            string // the Host field's value is "field"
		path, authority, sent string
	}{
		{"origin-form", "GET /a/b?c=d HTTP/1.1", "/a/b?c=d", "field", "/a/b?c=d"},
		{"two slashes are a path", "GET //a HTTP/1.1", "//a", "field", "//a"},
		{"any visible character", "GET /\"<>[\\]^`{|}~%zz HTTP/1.1", "/\"<>[\\]^`{|}~%zz", "field", "/\"<>[\\]^`{|}~%zz"},
		{"a URI in a path", "GET /http://a/ HTTP/1.1", "/http://a/", "field", "/http://a/"},
		{"asterisk-form", "OPTIONS * HTTP/1.1", "*", "field", "*"},
		{"absolute-form", "GET http://a.b:80/c?d HTTP/1.1", "/c?d", "a.b:80", "/c?d"},
		{"https", "GET https://a/ HTTP/1.1", "/", "a", "/"},
		{"a scheme in any case", "GET hTtPs://A/ HTTP/1.1", "/", "A", "/"},
		{"an empty path", "GET http://a HTTP/1.1", "", "a", "/"},
		{"an empty path of OPTIONS", "OPTIONS http://a HTTP/1.1", "", "a", "*"},
		{"the root of OPTIONS", "OPTIONS http://a/ HTTP/1.1", "/", "a", "/"},
		{"a query without a path", "GET http://a?b/c HTTP/1.1", "?b/c", "a", "/?b/c"},
		{"a query without a path of OPTIONS", "OPTIONS http://a? HTTP/1.1", "?", "a", "/?"},
		{"an IPv6 address", "GET http://[::1]:8080/x HTTP/1.1", "/x", "[::1]:8080", "/x"},
		{"an at sign in the path", "GET http://a/b@c HTTP/1.1", "/b@c", "a", "/b@c"},
		{"HTTP/1.0", "GET http://a/b HTTP/1.0", "/b", "a", "/b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := c.line + "\r\nHost: field\r\n\r\n"
			r := parseRequest(t, in)
			b := []byte(in)
			if got := string(r.Path.Of(b)); got != c.path {
				t.Errorf("path %q", got)
			}
			if got := string(r.Authority.Of(b)); got != c.authority {
				t.Errorf("authority %q", got)
			}
			if got := string(r.AppendTarget([]byte(">"), b)); got != ">"+c.sent {
				t.Errorf("forwarded as %q", got)
			}
		})
	}

	refuseRequests(t, []refused{
		{"neither form", "GET a", 400, "neither"},
		{"another scheme", "GET f", 400, "neither"},
		{"another scheme with h", "GET hx", 400, "neither"},
		{"a scheme with another letter", "GET httpx", 400, "neither"},
		{"a scheme and one slash", "GET http:/a", 400, "neither"},
		{"a scheme alone", "GET http ", 400, "may not"},
		{"a query alone", "GET ?", 400, "neither"},
		{"an authority without CONNECT", "GET 1", 400, "neither"},
		{"CONNECT", "CONNECT ", 501, "CONNECT"},
		{"asterisk-form of GET", "GET *", 400, "OPTIONS"},
		{"more than an asterisk", "OPTIONS *a", 400, "OPTIONS"},
		{"a fragment", "GET /a#", 400, "fragment"},
		{"a fragment of an absolute URI", "GET http://a#", 400, "fragment"},
		{"a fragment first", "GET #", 400, "fragment"},
		{"DEL", "GET /a\x7f", 400, "target"},
		{"obs-text", "GET /a\xc3", 400, "target"},
		{"obs-text after eight bytes", "GET /12345678\x80", 400, "target"},
		{"NUL", "GET /\x00", 400, "target"},
		{"a bare carriage return", "GET /a\r", 400, "target"},
		{"an empty authority", "GET http:///", 400, "authority"},
		{"no authority", "GET http:// ", 400, "authority"},
		{"user information", "GET http://u@h/", 400, "authority"},
		{"a port that is no number", "GET http://h:x/", 400, "authority"},
		{"a port that is too large", "GET http://h:65536/", 400, "authority"},
		{"a control character in an authority", "GET http://h\x01", 400, "target"},
	})
}

func TestRFC9112Section3_2_Host(t *testing.T) {
	for _, host := range []string{
		"a", "www.example.com", "a:80", "a:", "a:00080", "a:65535", "127.0.0.1", "1.2.3.4:5", "[::1]", "[::1]:80", "[::1]:",
		"a%20b", "a%C3%a4", "a_b", "-._~!$&'()*+,;=", "xn--4ca",
	} {
		in := "GET / HTTP/1.1\r\nHost:\t" + host + " \r\n\r\n"
		if r := parseRequest(t, in); string(r.Authority.Of([]byte(in))) != host {
			t.Errorf("%q: %q", host, r.Authority.Of([]byte(in)))
		}
	}
	for _, host := range []string{
		"", ":80", "a b", "a/b", "a@b", "a:b", "a:80:80", "a:65536", "a:99999999999999999999", "a:-1", "a%", "a%2", "a%2g", "a\\b", "a?b", "a#b", "\"a\"", "<a>",
		"[", "[]", "[::1", "[::1]a", "[::1]]", "[::1%25lo]", "[v1.a]", "::1", "\x80", "a|b", "a^b", "{a}", "a`", "a\tb", "[1.2.3.4]",
	} {
		reject(t, newRequest, "GET / HTTP/1.1\r\nHost: "+host+"\r\n", roomy, 400, "Host is not")
		reject(t, newRequest, "GET / HTTP/1.0\r\nHost: "+host+"\r\n", roomy, 400, "Host is not")
		reject(t, newRequest, "GET http://x/ HTTP/1.1\r\nHost: "+host+"\r\n", roomy, 400, "Host is not")
	}
	refuseRequests(t, []refused{
		{"missing", "GET / HTTP/1.1\r\n\r\n", 400, "Host is missing"},
		{"missing with an absolute URI", "GET http://a/ HTTP/1.1\r\n\r\n", 400, "Host is missing"},
		{"repeated", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n", 400, "Host is repeated"},
		{"repeated in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n", 400, "Host is repeated"},
	})
	if r := parseRequest(t, "GET / HTTP/1.0\r\n\r\n"); r.Authority.Len() != 0 {
		t.Errorf("HTTP/1.0 without Host: %+v", r)
	}
}

func TestRFC9112Section5_FieldLines(t *testing.T) {
	const begin = "GET / HTTP/1.1\r\nHost: x\r\n"
	for _, c := range []struct {
		name, line  string
		field, text string
		canonical   bool
	}{
		{"as usual", "Accept: */*", "Accept", "*/*", true},
		{"no space", "Accept:*/*", "Accept", "*/*", false},
		{"two spaces", "Accept:  a", "Accept", "a", false},
		{"a tab", "Accept:\ta", "Accept", "a", false},
		{"whitespace behind", "Accept: a \t", "Accept", "a", false},
		{"whitespace within", "Accept: a \t b", "Accept", "a \t b", true},
		{"an empty value", "Accept: ", "Accept", "", true},
		{"nothing", "Accept:", "Accept", "", false},
		{"whitespace only", "Accept: \t \t ", "Accept", "", false},
		{"obs-text", "A: \x80\xff\xc3\xa4 12345678\x80\x81\x82", "A", "\x80\xff\xc3\xa4 12345678\x80\x81\x82", true},
		{"any token as a name", "!#$%&'*+-.^_`|~09azAZ: 1", "!#$%&'*+-.^_`|~09azAZ", "1", true},
		{"colons in the value", "A: b: c", "A", "b: c", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := begin + c.line + "\r\n\r\n"
			b := []byte(in)
			f := parseRequest(t, in).Fields[1]
			if string(f.Name.Of(b)) != c.field || string(f.Value.Of(b)) != c.text {
				t.Errorf("%q: %q", f.Name.Of(b), f.Value.Of(b))
			}
			if canonical := f.Line != (Span{}); canonical != c.canonical {
				t.Errorf("canonical: %t", canonical)
			}
			if c.canonical && string(f.Line.Of(b)) != c.line+"\r\n" {
				t.Errorf("line %q", f.Line.Of(b))
			}
		})
	}

	refuseRequests(t, []refused{
		{"whitespace before the first field", "GET / HTTP/1.1\r\n ", 400, "begins with whitespace"},
		{"a folded line", begin + "A: b\r\n\t", 400, "begins with whitespace"},
		{"a space before the colon", begin + "A ", 400, "followed by whitespace"},
		{"a tab before the colon", begin + "A\t", 400, "followed by whitespace"},
		{"no colon", begin + "Accept\r", 400, "no colon"},
		{"no colon before a bare line feed", begin + "Accept\n", 400, "line feed"},
		{"an empty name", begin + ":", 400, "empty"},
		{"a name in quotes", begin + "\"", 400, "name"},
		{"a parenthesis in a name", begin + "Accept-Language(", 400, "name"},
		{"obs-text in a name", begin + "A\x80", 400, "name"},
		{"obs-text in a long name", begin + "ABCDEFGHIJ\xc1", 400, "name"},
		{"NUL in a name", begin + "A\x00", 400, "name"},
		{"DEL in a name", begin + "A\x7f", 400, "name"},
		{"NUL in a value", begin + "A: \x00", 400, "control"},
		{"a control character in a long value", begin + "A: 0123456789abcdef\x1f", 400, "control"},
		{"DEL in a value", begin + "A: b\x7f", 400, "control"},
		{"DEL after obs-text", begin + "A: \x80\x80\x80\x80\x80\x80\x80\x80\x7f", 400, "control"},
		{"a vertical tab in a value", begin + "A: b\v", 400, "control"},
		{"a bare line feed in a value", begin + "A: b\n", 400, "line feed"},
		{"a bare carriage return in a value", begin + "A: b\rc", 400, "carriage return"},
		{"two carriage returns", begin + "A: b\r\r", 400, "carriage return"},
		{"a bare carriage return at the end", begin + "\rA", 400, "carriage return"},
		{"a bare line feed at the end", begin + "\n", 400, "line feed"},
		{"a line feed at the end of the first line", "GET / HTTP/1.1\r\n\n", 400, "line feed"},
	})
}

// TestEachByteWhereItMayStand sees to values, names and targets, at places that are
// looked at in different ways.
func TestAWholeHeadStaysSo(t *testing.T) {
	head := []byte("GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n")
	var r Request
	for _, in := range [][]byte{head, append(head, "abc"...)} {
		if n, err := r.Parse(in, Limits{Bytes: 1000, Fields: 10}); n != len(head) || err != nil || len(r.Fields) != 2 {
			t.Errorf("%d of %d, %v, %d fields", n, len(head), err, len(r.Fields))
		}
	}
}

func TestEachByteWhereItMayStand(t *testing.T) {
	for c := range 256 {
		for before := range 20 {
			for _, behind := range []string{"", "12345678", "\x80\x80\x80\x80\x80\x80\x80\x80", "\t\t\t\t\t\t\t\t"} {
				in := "GET / HTTP/1.0\r\nA: " + strings.Repeat("y", before) + string([]byte{byte(c)}) + behind
				_, err := new(Request).Parse([]byte(in), roomy)
				if want := c >= ' ' && c != 0x7f || c == '\t' || c == '\r' && behind == ""; (err == nil) != want {
					t.Fatalf("%q: %v", in, err)
				}
			}
			tokens := "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			in := "GET / HTTP/1.0\r\na" + strings.Repeat("y", before) + string([]byte{byte(c)})
			want := strings.IndexByte(tokens, byte(c)) >= 0
			for _, behind := range []string{"", "abcdefgh"} {
				_, err := new(Request).Parse([]byte(in+behind), roomy)
				if (err == nil) != (want || c == ':') {
					t.Fatalf("%q: %v", in+behind, err)
				}
			}
			in = "GET /" + strings.Repeat("y", before) + string([]byte{byte(c)})
			for _, behind := range []string{"", "abcdefgh"} {
				_, err := new(Request).Parse([]byte(in+behind), roomy)
				if want := c > ' ' && c < 0x7f && c != '#' || c == ' ' && behind == ""; (err == nil) != want {
					t.Fatalf("%q: %v", in+behind, err)
				}
			}
		}
	}
}

func TestRFC9112Section6_Framing(t *testing.T) {
	const begin = "POST / HTTP/1.1\r\nHost: x\r\n"
	for _, c := range []struct {
		name, fields string
		length       int64
		given        bool
		chunked      bool
	}{
		{"no body", "", 0, false, false},
		{"a length", "Content-Length: 12\r\n", 12, true, false},
		{"no length", "Content-Length: 0\r\n", 0, true, false},
		{"leading zeros", "content-length:0012\r\n", 12, true, false},
		{"the largest length", "Content-Length: 9223372036854775807\r\n", 1<<63 - 1, true, false},
		{"chunked", "Transfer-Encoding: chunked\r\n", -1, false, true},
		{"chunked in any case", "TRANSFER-ENCODING:\tcHuNkEd \r\n", -1, false, true},
		{"names that are almost those", "Content_Length: 1\r\nTransfer-Encodings: x\r\nContent-Lengtg: 3\r\n", 0, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := parseRequest(t, begin+c.fields+"\r\n")
			if r.Length != c.length || r.HasLength != c.given || r.Chunked != c.chunked {
				t.Errorf("%+v", r)
			}
		})
	}
	var cases []refused
	add := func(status int, reason string, fields ...string) {
		for _, f := range fields {
			cases = append(cases, refused{strings.ReplaceAll(f, "\r\n", " "), begin + f + "\r\n", status, reason})
		}
	}
	add(400, "Content-Length is not", "Content-Length: ", "Content-Length: +1", "Content-Length: -1", "Content-Length: 0x1",
		"Content-Length: 1 2", "Content-Length: 1,1", "Content-Length: 1, 1", "Content-Length: 1_0", "Content-Length: a", "Content-Length: \xb2",
		"Content-Length: 1.0", "Content-Length: \"1\"", "Content-Length: 123456789012345678x")
	add(400, "too large", "Content-Length: 9223372036854775808", "Content-Length: 99999999999999999999999999", "Content-Length: 18446744073709551617")
	add(400, "Content-Length is repeated", "Content-Length: 1\r\nContent-Length: 1", "Content-Length: 1\r\nX: y\r\ncontent-length: 2")
	add(400, "both", "Content-Length: 1\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 1", "Transfer-Encoding: chunked\r\nContent-Length: x")
	add(400, "Transfer-Encoding is repeated", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip")
	add(501, "another coding", "Transfer-Encoding: gzip", "Transfer-Encoding: identity", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, chunked",
		"Transfer-Encoding: chunked , identity", "Transfer-Encoding: xchunked", "Transfer-Encoding: chunkedx")
	add(400, "Transfer-Encoding is malformed", "Transfer-Encoding: ", "Transfer-Encoding: chunked;a=b", "Transfer-Encoding: chunked,", "Transfer-Encoding: ,chunked",
		"Transfer-Encoding: chunked chunked", "Transfer-Encoding: \"chunked\"", "Transfer-Encoding: gzip;q=1", "Transfer-Encoding: chunked\xa0", "Transfer-Encoding: gzip,,chunked")
	cases = append(cases, refused{"HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", 400, "HTTP/1.0"})
	refuseRequests(t, cases)
}

func TestRFC9112Section9_3_KeepAlive(t *testing.T) {
	for _, c := range []struct {
		version, fields string
		want            bool
	}{
		{"1.1", "", true},
		{"1.1", "Connection: close\r\n", false},
		{"1.1", "Connection: CLOSE\r\n", false},
		{"1.1", "Connection: keep-alive\r\n", true},
		{"1.1", "Connection: x, close\r\n", false},
		{"1.1", "Connection: ,, close ,\r\n", false},
		{"1.1", "Connection: keep-alive\r\nConnection: close\r\n", false},
		{"1.1", "Connection: closed\r\n", true},
		{"1.1", "Connection: clos\r\n", true},
		{"1.1", "Proxy-Connection: close\r\n", true},
		{"1.0", "", false},
		{"1.0", "Connection: Keep-Alive\r\n", true},
		{"1.0", "Connection: keep-alive, close\r\n", false},
		{"1.0", "Keep-Alive: timeout=5\r\n", false},
		{"1.0", "Proxy-Connection: keep-alive\r\n", false},
	} {
		in := "GET / HTTP/" + c.version + "\r\nHost: x\r\n" + c.fields + "\r\n"
		if r := parseRequest(t, in); r.KeepAlive != c.want {
			t.Errorf("%q: %t", in, r.KeepAlive)
		}
		in = "HTTP/" + c.version + " 200 OK\r\n" + c.fields + "\r\n"
		if r := parseResponse(t, in); r.KeepAlive != c.want {
			t.Errorf("%q: %t", in, r.KeepAlive)
		}
	}
}

func TestRFC9110Section7_6_1_Connection(t *testing.T) {
	for _, c := range []struct {
		name, fields string
		hop          []string // besides Connection
	}{
		{"hop-by-hop fields are so by themselves", "Keep-Alive: 1\nProxy-Connection: 1\nProxy-Authenticate: 1\nProxy-Authorization: 1\nTE: 1\nUpgrade: 1\nHTTP2-Settings: 1\nTransfer-Encoding: chunked\n",
			[]string{"Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Upgrade", "HTTP2-Settings", "Transfer-Encoding"}},
		{"in any case", "KEEP-ALIVE: 1\nhttp2-settings: 1\n", []string{"KEEP-ALIVE", "http2-settings"}},
		{"others are not", "Accept: 1\nCookie: 1\nTrailer: 1\nX-Forwarded-For: 1\nForwarded: for=a\nContent-Length: 1\nHost2: x\nExpect: 100-continue\n", nil},
		{"a field that is named", "Connection: foo\nFoo: 1\nfoO: 2\nFood: 3\n", []string{"Foo", "foO"}},
		{"named after it came", "Foo: 1\nConnection: close, foo\n", []string{"Foo"}},
		{"by a second Connection", "Foo: 1\nConnection: close\nBar: 1\nConnection: , bar,, foo\n", []string{"Foo", "Bar"}},
		{"end-to-end fields", "Connection: Cache-Control, authorization\nCache-Control: 1\nAuthorization: 1\n", []string{"Cache-Control", "Authorization"}},
		{"a proxy's own", "Connection: x-forwarded-for, Forwarded, X-Request-Id\nX-Forwarded-For: 1\nForwarded: a\nX-Request-Id: 1\n", []string{"X-Forwarded-For", "Forwarded", "X-Request-Id"}},
		{"Trailer", "Connection: trailer\nTrailer: a\n", []string{"Trailer"}},
		{"never those for framing and routing", "Connection: Host, content-length, Expect\nContent-Length: 1\nExpect: 100-continue\n", nil},
		{"characters that only look alike", "Connection: a^b\nA~B: 1\na^B: 1\n", []string{"a^B"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := crlf("POST / HTTP/1.1\nHost: x\n" + c.fields + "\n")
			b := []byte(in)
			var hop []string
			for _, f := range parseRequest(t, in).Fields {
				if f.Hop && f.Kind != Connection {
					hop = append(hop, string(f.Name.Of(b)))
				}
				if f.Kind == Connection && !f.Hop {
					t.Error("Connection is not")
				}
			}
			if !slices.Equal(hop, c.hop) {
				t.Errorf("%q", hop)
			}
		})
	}
	var options []string
	for i := range 64 {
		options = append(options, fmt.Sprint("o", i))
	}
	most := "GET / HTTP/1.1\r\nHost: x\r\nConnection: close, te, " + strings.Join(options, ",")
	parseRequest(t, most+"\r\n\r\n")
	refuseRequests(t, []refused{
		{"too many options", most + ",x\r\n", 400, "too many"},
		{"too many options in two fields", most + "\r\nConnection: x\r\n", 400, "too many"},
		{"an option that is no token", "GET / HTTP/1.1\r\nConnection: close;x\r\n", 400, "Connection is malformed"},
		{"two words", "GET / HTTP/1.1\r\nConnection: keep alive\r\n", 400, "Connection is malformed"},
	})
}

func TestRFC9110Section7_8_Upgrade(t *testing.T) {
	for _, c := range []struct {
		fields string
		want   bool
	}{
		{"Connection: upgrade\nUpgrade: websocket\n", true},
		{"Connection: keep-alive, Upgrade\nUpgrade: websocket\n", true},
		{"Upgrade: websocket\nConnection: keep-alive\nConnection: UPGRADE\n", true},
		{"Upgrade: websocket\n", false},
		{"Connection: upgrade\n", false},
		{"Connection: upgrade\nUpgrade: h2c\n", false},
		{"Connection: upgrade\nUpgrade: websocket, H2C\n", false},
		{"Connection: upgrade\nUpgrade: websocket\nUpgrade: h2c\n", false},
		{"Connection: upgrade, HTTP2-Settings\nUpgrade: websocket\nHTTP2-Settings: AAMAAABkAAQAAP__\n", false},
	} {
		in := crlf("GET / HTTP/1.1\nHost: x\n" + c.fields + "\n")
		if r := parseRequest(t, in); r.Upgrade != c.want {
			t.Errorf("%q: %t", in, r.Upgrade)
		}
		in = strings.Replace(in, "HTTP/1.1", "HTTP/1.0", 1)
		if r := parseRequest(t, in); r.Upgrade {
			t.Errorf("%q: upgrade", in)
		}
		in = crlf("HTTP/1.1 101 Switching Protocols\n" + c.fields + "\n")
		if r := parseResponse(t, in); r.Upgrade != c.want {
			t.Errorf("%q: %t", in, r.Upgrade)
		}
	}
}

func TestRFC9110Section10_1_1_Expect(t *testing.T) {
	for in, want := range map[string]bool{
		"PUT / HTTP/1.1\nHost: x\n\n":                           false,
		"PUT / HTTP/1.1\nHost: x\nExpect: 100-continue\n\n":     true,
		"PUT / HTTP/1.1\nHost: x\nexpect:  100-Continue \n\n":   true,
		"PUT / HTTP/1.0\nHost: x\nExpect: 100-continue\n\n":     false,
		"PUT / HTTP/1.1\nHost: x\nX-Expect: 100-continue\n\n":   false,
		"PUT / HTTP/1.1\nHost: x\nConnection: Expect\nA: b\n\n": false,
	} {
		if r := parseRequest(t, crlf(in)); r.Expect != want {
			t.Errorf("%q: %t", in, r.Expect)
		}
	}
	const begin = "PUT / HTTP/1.1\r\nExpect: "
	refuseRequests(t, []refused{
		{"another", begin + "200-ok\r\n", 417, "Expect"},
		{"two", begin + "100-continue, 100-continue\r\n", 417, "Expect"},
		{"none", begin + "\r\n", 417, "Expect"},
		{"almost", begin + "100_continue\r\n", 417, "Expect"},
		{"with a parameter", begin + "100-continue;a\r\n", 417, "Expect"},
	})
}

func TestRequestID(t *testing.T) {
	in := crlf("GET / HTTP/1.1\nHost: x\nX-Request-Id:\nX-Request-ID: a-b\nx-request-id: c\n\n")
	if r := parseRequest(t, in); string(r.RequestID.Of([]byte(in))) != "a-b" {
		t.Errorf("%+v", r.RequestID)
	}
	if r := parseRequest(t, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); r.RequestID != (Span{}) {
		t.Errorf("%+v", r.RequestID)
	}
}

func TestLimits(t *testing.T) {
	in := crlf("GET /abc HTTP/1.1\nHost: x\nA: b\n\n")
	accept(t, newRequest, in, Limits{Bytes: len(in), Fields: 2})
	accept(t, newRequest, "\r\n"+in, Limits{Bytes: len(in) + 2, Fields: 2})
	reject(t, newRequest, in[:len(in)-1], Limits{Bytes: len(in) - 1, Fields: 2}, 431, "head is too large")
	reject(t, newRequest, "\r\n"+in[:len(in)-2], Limits{Bytes: len(in), Fields: 2}, 431, "head is too large")
	reject(t, newRequest, in[:19], Limits{Bytes: 19, Fields: 2}, 431, "head is too large")
	reject(t, newRequest, in[:18], Limits{Bytes: 18, Fields: 2}, 414, "request line is too long")
	reject(t, newRequest, in[:6], Limits{Bytes: 6, Fields: 2}, 414, "request line is too long")
	reject(t, newRequest, in[:2], Limits{Bytes: 2, Fields: 2}, 414, "request line is too long")
	reject(t, newRequest, in[:29], Limits{Bytes: 100, Fields: 1}, 431, "too many fields")

	in = crlf("HTTP/1.1 200 OK\nA: b\n\n")
	accept(t, newResponse, in, Limits{Bytes: len(in), Fields: 1})
	reject(t, newResponse, in[:len(in)-1], Limits{Bytes: len(in) - 1, Fields: 2}, 502, "head is too large")
	reject(t, newResponse, in[:10], Limits{Bytes: 10, Fields: 2}, 502, "head is too large")
	reject(t, newResponse, in[:18], Limits{Bytes: 100, Fields: 0}, 502, "too many fields")

	if _, err := new(Request).Parse(nil, Limits{}); err == nil {
		t.Error("the zero limits let a request's beginning through")
	}
	if _, err := new(Request).Parse(nil, Limits{Bytes: -1, Fields: -1}); err == nil {
		t.Error("negative limits let a request's beginning through")
	}
}

func TestResetBeginsAnew(t *testing.T) {
	var r Request
	first := []byte("POST http://a/ HTTP/1.1\r\nHost: b\r\nConnection: close, x, upgrade\r\nUpgrade: y\r\nX-Request-Id: 1\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
	if n, err := r.Parse(first, roomy); n == 0 || err != nil {
		t.Fatal(n, err)
	}
	r.Reset()
	second := []byte("GET / HTTP/1.0\r\n\r\n")
	got := feed(&r, second, roomy, len(second))
	want := feed(new(Request), second, roomy, len(second))
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Errorf("%s\n%s", g, w)
	}
	r.Reset()
	if _, err := r.Parse([]byte("\x00"), roomy); err == nil {
		t.Fatal("no error")
	}
	r.Reset()
	if n, err := r.Parse(second, roomy); n != len(second) || err != nil {
		t.Error("after an error:", n, err)
	}
}
