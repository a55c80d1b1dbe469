package edge

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// These tests compare bytes: what a client sends with what the instance gets, and the
// other way round.

// crlf makes the ends of lines those of HTTP.
func crlf(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }

// received is all that an instance was sent on one connection.
type received struct {
	bytes []byte
	whole bool // it began with a request that has come to its end
}

// recorder is an instance that answers the first request of each connection, and keeps
// what it is sent on that to its end.
func recorder(t *testing.T, answer string) (addr string, got chan received) {
	got = make(chan received, 16)
	return script(t, func(c net.Conn, _ *bufio.Reader) { got <- keep(c, answer) }), got
}

func keep(c net.Conn, answer string) received {
	var all bytes.Buffer
	r := bufio.NewReader(io.TeeReader(c, &all))
	var head []byte
	for !bytes.HasSuffix(head, []byte("\r\n\r\n")) {
		line, err := r.ReadSlice('\n')
		if head = append(head, line...); err != nil {
			break
		}
	}
	whole := request(bufio.NewReader(io.MultiReader(bytes.NewReader(acceptable(head)), r)))
	if !whole {
		answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	}
	_, _ = io.WriteString(c, answer)
	_, _ = io.Copy(io.Discard, r)
	return received{all.Bytes(), whole}
}

// acceptable is a request's head without what net/http refuses and the proxy forwards:
//
//   - a target that is no URL to net/url, such as /%zz: where the next request begins
//     does not depend on it, and it is the instance's to judge;
//   - a Trailer field that announces Content-Length and the like: it ends no message,
//     and a trailer section that has them is refused.
func acceptable(head []byte) []byte {
	line, fields, _ := bytes.Cut(head, []byte("\r\n"))
	if part := bytes.Split(line, []byte(" ")); len(part) == 3 {
		if _, err := url.ParseRequestURI(string(part[1])); err != nil {
			line = slices.Concat(part[0], []byte(" / "), part[2])
		}
	}
	fields = announcement.ReplaceAll(append([]byte("\r\n"), fields...), []byte("\r\nNot-a-Trailer:"))
	return append(bytes.Clone(line), fields...)
}

// okay is the answer after which the proxy ends the connection, so that there is one
// for each request.
const okay = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

// madeID is the X-Request-Id of a request that came without.
var madeID = regexp.MustCompile(`(?m)^X-Request-Id: [0-9a-f]{32}\r$`)

// own is what the proxy adds to a request for the host h.
const own = "X-Forwarded-For: 127.0.0.1\nX-Forwarded-Proto: http\nX-Forwarded-Host: h\nX-Request-Id: MADE\n\n"

func TestWhatReachesTheInstance(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	cases := []struct {
		name       string
		trusted    []netip.Prefix
		sent, want string
	}{
		{"order and case of the fields are kept", nil,
			"GET /a?b=c HTTP/1.1\nx-LAST: 1\nUser-Agent: x\naccept: */*\nhOST: h\nX-lAST: 2\n\n",
			"GET /a?b=c HTTP/1.1\nx-LAST: 1\nUser-Agent: x\naccept: */*\nhOST: h\nX-lAST: 2\n" + own},
		{"space around values goes, within it stays", nil,
			"GET / HTTP/1.1\nHost:h\nA: \t 1  2\t3 \t\nB:\nC: \n\n",
			"GET / HTTP/1.1\nHost: h\nA: 1  2\t3\nB: \nC: \n" + own},
		{"repeated fields stay apart", nil,
			"GET / HTTP/1.1\nCookie: a\nHost: h\nCookie: b\nAccept: c\nCookie: a\n\n",
			"GET / HTTP/1.1\nCookie: a\nHost: h\nCookie: b\nAccept: c\nCookie: a\n" + own},
		{"obs-text is not looked at", nil,
			"GET / HTTP/1.1\nHost: h\nA: \x80\xff\xfe é\n\n",
			"GET / HTTP/1.1\nHost: h\nA: \x80\xff\xfe é\n" + own},
		{"an unknown method", nil, "fr!ob / HTTP/1.1\nHost: h\n\n", "fr!ob / HTTP/1.1\nHost: h\n" + own},
		{"the target is not looked into", nil,
			"GET //a/../%2e/%zz?x=\"<>|\\^`{}&&? HTTP/1.1\nHost: h\n\n",
			"GET //a/../%2e/%zz?x=\"<>|\\^`{}&&? HTTP/1.1\nHost: h\n" + own},
		{"a line before the request line", nil, "\nGET / HTTP/1.1\nHost: h\n\n", "GET / HTTP/1.1\nHost: h\n" + own},

		{"absolute-form becomes origin-form, and Host", nil,
			"GET hTTp://h/a?b HTTP/1.1\nA: 1\nHost: other:99\nB: 2\n\n",
			"GET /a?b HTTP/1.1\nA: 1\nHost: h\nB: 2\n" + own},
		{"absolute-form without a path", nil,
			"GET https://h HTTP/1.1\nHost: h\n\n", "GET / HTTP/1.1\nHost: h\n" + own},
		{"absolute-form with a query and no path", nil,
			"GET http://h?a=b HTTP/1.1\nHost: h\n\n", "GET /?a=b HTTP/1.1\nHost: h\n" + own},
		{"absolute-form of OPTIONS *", nil,
			"OPTIONS http://h HTTP/1.1\nHost: h\n\n", "OPTIONS * HTTP/1.1\nHost: h\n" + own},
		{"OPTIONS *", nil, "OPTIONS * HTTP/1.1\nHost: h\n\n", "OPTIONS * HTTP/1.1\nHost: h\n" + own},

		{"HTTP/1.0 with a host", nil, "GET / HTTP/1.0\nHost: h\n\n", "GET / HTTP/1.1\nHost: h\n" + own},
		{"HTTP/1.0 without a host", nil, "GET / HTTP/1.0\nA: 1\n\n",
			"GET / HTTP/1.1\nA: 1\nHost: \n" + strings.Replace(own, "Host: h", "Host: ", 1)},
		{"HTTP/1.0 with its host in the target", nil, "GET http://h/ HTTP/1.0\nA: 1\n\n",
			"GET / HTTP/1.1\nA: 1\nHost: h\n" + own},
		{"HTTP/1.0 with keep-alive", nil, "GET / HTTP/1.0\nHost: h\nConnection: keep-alive\nKeep-Alive: 5\n\n",
			"GET / HTTP/1.1\nHost: h\n" + own},
		{"HTTP/1.0 offers no upgrade", nil, "GET / HTTP/1.0\nHost: h\nConnection: Upgrade\nUpgrade: websocket\n\n",
			"GET / HTTP/1.1\nHost: h\n" + own},

		{"hop-by-hop fields are for the proxy alone", nil,
			"GET / HTTP/1.1\nHost: h\nKeep-Alive: 1\nProxy-Connection: x\nProxy-Authorization: x\nProxy-Authenticate: x\nTE: gzip\nA: 1\n\n",
			"GET / HTTP/1.1\nHost: h\nA: 1\n" + own},
		{"what Connection names goes", nil,
			"GET / HTTP/1.1\nHost: h\nA: 1\nConnection: a, ,\t x-b,keep-alive\nX-B: 2\nC: 3\nConnection: c\n\n",
			"GET / HTTP/1.1\nHost: h\n" + own},
		{"close is for the proxy alone", nil,
			"GET / HTTP/1.1\nHost: h\nConnection: close\n\n", "GET / HTTP/1.1\nHost: h\n" + own},
		{"Connection cannot take the proxy's own fields away", nil,
			"GET / HTTP/1.1\nHost: h\nConnection: X-Forwarded-For, X-Forwarded-Host, x-forwarded-proto, X-Request-Id\n\n",
			"GET / HTTP/1.1\nHost: h\n" + own},
		{"Connection cannot take the host away", nil,
			"GET / HTTP/1.1\nHost: h\nConnection: Host\n\n", "GET / HTTP/1.1\nHost: h\n" + own},
		{"Connection cannot take the length away", nil,
			"POST / HTTP/1.1\nHost: h\nConnection: Content-Length\nContent-Length: 2\n\nab",
			"POST / HTTP/1.1\nHost: h\nContent-Length: 2\n" + own + "ab"},
		{"Connection cannot take the coding away", nil,
			"POST / HTTP/1.1\nHost: h\nConnection: Transfer-Encoding\nTransfer-Encoding: chunked\n\n2\nab\n0\n\n",
			"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n" + own + "2\nab\n0\n\n"},
		{"trailers are asked for", nil,
			"GET / HTTP/1.1\nHost: h\nConnection: TE\nte: Trailers\n\n", "GET / HTTP/1.1\nHost: h\nConnection: TE\nTE: trailers\n" + own},
		{"an upgrade is offered", nil,
			"GET / HTTP/1.1\nHost: h\nConnection: keep-alive, upgrade\nA: 1\nupgrade: websocket\nSec-WebSocket-Key: k\n\n",
			"GET / HTTP/1.1\nHost: h\nA: 1\nConnection: Upgrade\nupgrade: websocket\nSec-WebSocket-Key: k\n" + own},
		{"an upgrade that Connection does not name is none", nil,
			"GET / HTTP/1.1\nHost: h\nUpgrade: websocket\n\n", "GET / HTTP/1.1\nHost: h\n" + own},
		{"h2c is not offered", nil,
			"GET / HTTP/1.1\nHost: h\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\n\n",
			"GET / HTTP/1.1\nHost: h\n" + own},
		{"nor with others", nil,
			"GET / HTTP/1.1\nHost: h\nConnection: Upgrade\nUpgrade: websocket, H2C\n\n", "GET / HTTP/1.1\nHost: h\n" + own},

		{"an id is kept", nil,
			"GET / HTTP/1.1\nX-rEQUEST-Id: mine\nHost: h\n\n",
			"GET / HTTP/1.1\nX-rEQUEST-Id: mine\nHost: h\n" + strings.Replace(own, "X-Request-Id: MADE\n", "", 1)},
		{"an empty id is none", nil,
			"GET / HTTP/1.1\nHost: h\nX-Request-Id: \n\n", "GET / HTTP/1.1\nHost: h\n" + own},
		{"an empty id before another is none", nil,
			"GET / HTTP/1.1\nHost: h\nX-Request-Id: \nX-Request-Id: b\n\n",
			"GET / HTTP/1.1\nHost: h\nX-Request-Id: b\n" + strings.Replace(own, "X-Request-Id: MADE\n", "", 1)},

		{"nobody's word for who the client is", nil,
			"GET / HTTP/1.1\nHost: h\nX-Forwarded-For: 1.1.1.1\nForwarded: for=1.1.1.1\nx-forwarded-proto: https\nX-FORWARDED-HOST: evil\n\n",
			"GET / HTTP/1.1\nHost: h\n" + own},
		{"nor in a mask", nil,
			"GET / HTTP/1.1\nHost: h\nX_Forwarded_For: 1.1.1.1\nX-Forwarded_Host: evil\nX_REQUEST_ID: x\nX_A: 1\n\n",
			"GET / HTTP/1.1\nHost: h\nX_A: 1\n" + own},
		{"a trusted proxy's word", trusted,
			"GET / HTTP/1.1\nHost: h\nX-Forwarded-For: 1.1.1.1, 2.2.2.2\nForwarded: for=1.1.1.1\nX-Forwarded-Proto: https\nX-Forwarded-For: 3.3.3.3\nX-Forwarded-Host: e\nA: 1\n\n",
			"GET / HTTP/1.1\nHost: h\nA: 1\nX-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 127.0.0.1\nX-Forwarded-Proto: https\nX-Forwarded-Host: e\nX-Request-Id: MADE\n\n"},
		{"a trusted proxy that says nothing", trusted, "GET / HTTP/1.1\nHost: h\nX-Forwarded-For:\n\n", "GET / HTTP/1.1\nHost: h\n" + own},

		{"a body of a length", nil,
			"POST / HTTP/1.1\nHost: h\ncontent-length: 6\n\na\n\nb",
			"POST / HTTP/1.1\nHost: h\ncontent-length: 6\n" + own + "a\n\nb"},
		{"chunks as they are, without extensions", nil,
			"POST / HTTP/1.1\nHost: h\nTRANSFER-ENCODING: Chunked\nA: 1\n\n0003;a=b;c=\"d\"\nabc\nA;x\n0123456789\n00\n\n",
			"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\nA: 1\n" + own + "3\nabc\na\n0123456789\n0\n\n"},
		{"trailers but for those that are about the head", nil,
			"POST / HTTP/1.1\nHost: h\nTrailer: x-SUM\nTransfer-Encoding: chunked\n\n1\na\n0;e\nx-SUM:  1 \nAuthorization: x\nX-Forwarded-For: 1.1.1.1\nCookie: x\nIf-Match: x\nX-Request-Id: x\nKeep-Alive: x\nTE: x\nlast: 2\n\n",
			"POST / HTTP/1.1\nHost: h\nTrailer: x-SUM\nTransfer-Encoding: chunked\n" + own + "1\na\n0\nx-SUM: 1\nlast: 2\n\n"},
		{"a body without data", nil,
			"PUT / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n0\n\n",
			"PUT / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n" + own + "0\n\n"},
		{"a body on a GET", nil,
			"GET / HTTP/1.1\nHost: h\nContent-Length: 1\n\na", "GET / HTTP/1.1\nHost: h\nContent-Length: 1\n" + own + "a"},
		{"an expectation of HTTP/1.0 means nothing", nil,
			"POST / HTTP/1.0\nHost: h\nExpect: 100-continue\nContent-Length: 1\n\na",
			"POST / HTTP/1.1\nHost: h\nContent-Length: 1\n" + own + "a"},
		{"an expectation", nil,
			"POST / HTTP/1.1\nHost: h\nExpect: 100-Continue\nContent-Length: 1\n\na",
			"POST / HTTP/1.1\nHost: h\nExpect: 100-Continue\nContent-Length: 1\n" + own + "a"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			addr, got := recorder(t, okay)
			p := start(t, bounds{edge: Options{TrustedProxies: c.trusted}}, addr)
			client := p.connect(t)
			client.say(crlf(c.sent))
			if res, _ := client.response("GET"); res.StatusCode != 200 {
				t.Errorf("the client got %s", res.Status)
			}
			r := <-got
			bytes := madeID.ReplaceAllString(string(r.bytes), "X-Request-Id: MADE\r")
			if want := crlf(c.want); bytes != want || !r.whole {
				t.Errorf("the instance got %q\nwant             %q", bytes, want)
			}
		})
	}
}

func TestWhatReachesTheClient(t *testing.T) {
	const (
		get  = "GET / HTTP/1.1\nHost: h\n\n"
		head = "HEAD / HTTP/1.1\nHost: h\n\n"
		old  = "GET / HTTP/1.0\n\n"
		kept = "GET / HTTP/1.0\nConnection: keep-alive\n\n"
	)
	cases := []struct {
		name             string
		sent, said, want string
		ends             bool // the connection to the client does, whatever it wants
	}{
		{"order and case of the fields are kept", get,
			"HTTP/1.1 200 OK\nserver: s\nX-a: 1\nDate: never\ncontent-LENGTH: 2\nx-A: 2\nSet-Cookie: a\nSet-Cookie: b\n\nok",
			"HTTP/1.1 200 OK\nserver: s\nX-a: 1\nDate: never\ncontent-LENGTH: 2\nx-A: 2\nSet-Cookie: a\nSet-Cookie: b\n\nok", false},
		{"nothing is added", get, "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", false},
		{"any reason, or none", get, "HTTP/1.1 299 I am\tfin\xe9 \nContent-Length: 0\n\n", "HTTP/1.1 299 I am\tfin\xe9 \nContent-Length: 0\n\n", false},
		{"a missing reason", get, "HTTP/1.1 200\nContent-Length: 0\n\n", "HTTP/1.1 200 \nContent-Length: 0\n\n", false},
		{"a status nobody knows", get, "HTTP/1.1 999 x\nContent-Length: 0\n\n", "HTTP/1.1 999 x\nContent-Length: 0\n\n", false},
		{"obs-text is not looked at", get, "HTTP/1.1 200 OK\nA: \xff\x80\nContent-Length: 0\n\n", "HTTP/1.1 200 OK\nA: \xff\x80\nContent-Length: 0\n\n", false},
		{"the instance's connection is its own matter", get,
			"HTTP/1.1 200 OK\nConnection: close, X-Hop\nKeep-Alive: 5\nx-hop: 1\nProxy-Connection: close\nProxy-Authenticate: x\nContent-Length: 2\nUpgrade: x\n\nok",
			"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", false},
		{"Connection cannot take the length away", get,
			"HTTP/1.1 200 OK\nConnection: Content-Length\nContent-Length: 2\n\nok",
			"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", false},
		{"the client asks for the end", "GET / HTTP/1.1\nHost: h\nConnection: close\n\n",
			"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "HTTP/1.1 200 OK\nContent-Length: 2\nConnection: close\n\nok", true},

		{"chunks without extensions", get,
			"HTTP/1.1 200 OK\ntransfer-encoding: CHUNKED\nA: 1\n\n0002;x=y\nok\n0\n\n",
			"HTTP/1.1 200 OK\nA: 1\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n", false},
		{"trailers but for those that are about the head", get,
			"HTTP/1.1 200 OK\nTrailer: X-Sum\nTransfer-Encoding: chunked\n\n2\nok\n0\nX-sum: 1\nSet-Cookie: x\nAge: 1\nlast:2\n\n",
			"HTTP/1.1 200 OK\nTrailer: X-Sum\nTransfer-Encoding: chunked\n\n2\nok\n0\nX-sum: 1\nlast: 2\n\n", false},
		{"until the end becomes chunks", get,
			"HTTP/1.1 200 OK\nA: 1\n\nok", "HTTP/1.1 200 OK\nA: 1\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n", false},
		{"until the end, and nothing", get,
			"HTTP/1.1 200 OK\n\n", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n0\n\n", false},
		{"an instance of HTTP/1.0", get,
			"HTTP/1.0 200 OK\n\nok", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n", false},
		{"an instance of HTTP/1.0 that tells the length", get,
			"HTTP/1.0 200 OK\nConnection: keep-alive\nContent-Length: 2\n\nok", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", false},

		{"HEAD has no body, and a length", head,
			"HTTP/1.1 200 OK\nContent-Length: 1000\n\n", "HTTP/1.1 200 OK\nContent-Length: 1000\n\n", false},
		{"HEAD has no chunks", head,
			"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n", "HTTP/1.1 200 OK\n\n", false},
		{"304 has no body, and a length", get,
			"HTTP/1.1 304 Not Modified\nETag: x\nContent-Length: 1000\n\n", "HTTP/1.1 304 Not Modified\nETag: x\nContent-Length: 1000\n\n", false},
		{"an interim response has no length", get,
			"HTTP/1.1 103 Early Hints\nContent-Length: 0\nA: 1\n\nHTTP/1.1 200 OK\nContent-Length: 0\n\n",
			"HTTP/1.1 103 Early Hints\nA: 1\n\nHTTP/1.1 200 OK\nContent-Length: 0\n\n", false},
		{"204 has no body, nor a length", get,
			"HTTP/1.1 204 No Content\nContent-Length: 0\nA: 1\n\n", "HTTP/1.1 204 No Content\nA: 1\n\n", false},
		{"what follows a response is not relayed", get,
			"HTTP/1.1 204 No Content\n\nHTTP/1.1 200 OK\nContent-Length: 0\n\n", "HTTP/1.1 204 No Content\n\n", false},
		{"nor what is beyond a length", get,
			"HTTP/1.1 200 OK\nContent-Length: 2\n\nokHTTP/1.1 200 OK\n\n", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", false},
		{"a 205 with a body", get,
			"HTTP/1.1 205 Reset Content\nContent-Length: 2\n\nok", "HTTP/1.1 205 Reset Content\nContent-Length: 2\n\nok", false},

		{"interim responses", get,
			"HTTP/1.1 103 Early Hints\nLink: </a>\nConnection: x\nX: 1\n\nHTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\nContent-Length: 2\n\nok",
			"HTTP/1.1 103 Early Hints\nLink: </a>\n\nHTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\nContent-Length: 2\n\nok", false},
		{"interim responses are not for HTTP/1.0", kept,
			"HTTP/1.1 103 Early Hints\nLink: </a>\n\nHTTP/1.1 200 OK\nContent-Length: 2\n\nok",
			"HTTP/1.1 200 OK\nContent-Length: 2\nConnection: keep-alive\n\nok", false},
		{"another protocol", "GET / HTTP/1.1\nHost: h\nConnection: Upgrade\nUpgrade: a, echo\n\n",
			"HTTP/1.1 101 Switching Protocols\nupgrade: ECHO\nConnection: Upgrade\nA: 1\n\nbye",
			"HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nupgrade: ECHO\nA: 1\n\nbye", true},

		{"a client of HTTP/1.0", old,
			"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "HTTP/1.1 200 OK\nContent-Length: 2\nConnection: close\n\nok", true},
		{"a client of HTTP/1.0 that stays", kept,
			"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "HTTP/1.1 200 OK\nContent-Length: 2\nConnection: keep-alive\n\nok", false},
		{"HTTP/1.0 knows no chunks", kept,
			"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nA: 1\n\n1;x\no\n1\nk\n0\nX-Sum: 1\n\n",
			"HTTP/1.1 200 OK\nA: 1\nConnection: close\n\nok", true},
		{"until the end for HTTP/1.0", kept,
			"HTTP/1.1 200 OK\n\nok", "HTTP/1.1 200 OK\nConnection: close\n\nok", true},
		{"nothing, for HTTP/1.0", kept,
			"HTTP/1.1 304 Not Modified\n\n", "HTTP/1.1 304 Not Modified\nConnection: keep-alive\n\n", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := start(t, bounds{}, script(t, answer(crlf(c.said)), answer("HTTP/1.1 200 next\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")))
			client := p.connect(t)
			client.say(crlf(c.sent))
			want := crlf(c.want)
			if !c.ends { // the next response shows where this one has ended
				client.say("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
				want += "HTTP/1.1 200 next\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
			}
			if got := client.all(); got != want {
				t.Errorf("the client got %q\nwant           %q", got, want)
			}
		})
	}
}

var announcement = regexp.MustCompile(`(?i)\r\ntrailer:`)

// FuzzThroughProxy sends any bytes through the proxy. What it forwards of them is what
// net/http reads in them, too, and no request more.
func FuzzThroughProxy(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(crlf(seed)))
	}
	addr, record := numbers(f)
	p := start(f, bounds{}, addr)
	f.Fuzz(func(t *testing.T, sent []byte) {
		rest := sent
		for n, got := range p.forward(t, sent, record) {
			var want, have message
			if want, rest = understand(rest); want.err != nil {
				t.Fatalf("request %d was forwarded, which net/http refuses: %v\nsent %q\ngot  %q", n, want.err, sent, got.bytes)
			}
			have, extra := understand(got.bytes)
			switch {
			case have.err != nil:
				t.Errorf("net/http refuses what was forwarded: %v", have.err)
			case len(extra) > 0 && have.complete:
				t.Errorf("there are bytes beyond the request: %q", extra)
			default:
				want.compare(t, have)
			}
			if t.Failed() {
				t.Fatalf("request %d of %q\nreached the instance as %q", n, sent, got.bytes)
			}
		}
	})
}

// seeds are requests, and what tries to be more of them than it looks.
var seeds = []string{
	"GET / HTTP/1.1\nHost: h\n\n",
	"GET /a?b=c HTTP/1.1\nhOST: h:80\nx-LAST: 1\nX-lAST: 2\nA:\t1 \n\n",
	"GET http://h/a?b HTTP/1.1\nHost: other\n\n",
	"GET http://h?a=b HTTP/1.1\nHost: h\n\n",
	"GET http://h HTTP/1.0\n\n",
	"GET HTTPS://[::1]:443/ HTTP/1.1\nHost: h\n\n",
	"OPTIONS * HTTP/1.1\nHost: h\n\n",
	"OPTIONS http://h HTTP/1.1\nHost: h\n\n",
	"GET /%zz HTTP/1.1\nHost: h\n\n",
	"HEAD / HTTP/1.0\nConnection: keep-alive\n\n\nfrob / HTTP/1.1\nHost: h\n\n",
	"POST / HTTP/1.1\nHost: h\nContent-Length: 3\n\nabcGET /2 HTTP/1.1\nHost: h\n\n",
	"POST / HTTP/1.1\nHost: h\nContent-Length: 3\n\nab",
	"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n3;a=b\nabc\n0\n\nGET /2 HTTP/1.1\nHost: h\n\n",
	"PUT / HTTP/1.1\nHost: h\nTrailer: A\nTransfer-Encoding: Chunked\n\n0003\nabc\na\n0123456789\n0\nA: 1\nCookie: x\na: 2\n\n",
	"POST / HTTP/1.1\nHost: h\nTrailer: Content-Length\nTransfer-Encoding: chunked\n\n0\n\n",
	"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n0\nContent-Length: 1\n\n",
	"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n3\nab",
	"POST / HTTP/1.1\nHost: h\nExpect: 100-continue\nContent-Length: 3\n\nabc",
	"GET / HTTP/1.1\nHost: h\nConnection: close, a, x-forwarded-for, host\nA: 1\n\nGET /2 HTTP/1.1\nHost: h\n\n",
	"GET / HTTP/1.1\nHost: h\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Key: k\n\n",
	"GET / HTTP/1.1\nHost: h\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: x\n\n",
	"GET / HTTP/1.1\nHost: h\nTE: trailers\nKeep-Alive: 1\nProxy-Connection: close\nProxy-Authorization: x\n\n",
	"GET / HTTP/1.1\nHost: h\nX-Forwarded-For: 1.1.1.1\nForwarded: for=1.1.1.1\nX-Forwarded-Proto: https\nX-Forwarded-Host: x\nX-Request-Id: mine\n\n",
	"PRI * HTTP/2.0\n\nSM\n\n",
	"GET / HTTP/1.1\nHost: h\nX_Forwarded_For: 1\nX-Forwarded_Host: 2\nConnection: x_a\nX_A: 1\nX_B: 2\n\n",
	// Two lengths.
	"POST / HTTP/1.1\nHost: h\nContent-Length: 3\nTransfer-Encoding: chunked\n\n0\n\nGET /2 HTTP/1.1\nHost: h\n\n",
	"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\nContent-Length: 3\n\n0\n\nGET /2 HTTP/1.1\nHost: h\n\n",
	"POST / HTTP/1.1\nHost: h\nContent-Length: 0\nContent-Length: 3\n\nabcGET /2 HTTP/1.1\nHost: h\n\n",
	"POST / HTTP/1.1\nHost: h\nContent-Length: 3, 3\n\nabc",
	"POST / HTTP/1.1\nHost: h\nContent-Length: +3\n\nabc",
	"POST / HTTP/1.1\nHost: h\nContent-Length: 0x3\n\nabc",
	"POST / HTTP/1.1\nHost: h\nContent-Length : 3\n\nabc",
	"POST / HTTP/1.1\nHost: h\nContent-Length: 18446744073709551619\n\nabc",
	"POST / HTTP/1.1\nHost: h\nX: 1\n Content-Length: 3\n\nabc",
	// Codings that are and are not.
	"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: xchunked\n\n0\n\n",
	"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: identity\nContent-Length: 3\n\nabc",
	"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked, chunked\n\n0\n\n",
	"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\nTransfer-Encoding: x\n\n0\n\n",
	"POST / HTTP/1.1\nHost: h\nTransfer-Encoding:\vchunked\n\n0\n\n",
	"POST / HTTP/1.1\nHost: h\nTransfer_Encoding: chunked\n\n0\n\n",
	"POST / HTTP/1.1\nHost: h\nX: a\rTransfer-Encoding: chunked\n\n0\n\n",
	"POST / HTTP/1.0\nHost: h\nTransfer-Encoding: chunked\n\n0\n\n",
	// Chunks that are read in more than one way.
	"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n0x3\nabc\n0\n\n",
	"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n+3\nabc\n0\n\n",
	"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n3 \nabc\n0\n\n",
	"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n3\nabcX\n0\n\n",
	"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n10000000000000003\nabc\n0\n\n",
	"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n3;\rx\nabc\n0\n\n",
	"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n\n0\n\nGET /2 HTTP/1.1\nHost: h\n\n",
	// Heads that are.
	"GET / HTTP/1.1\nHost: h\nHost: i\n\n",
	"GET / HTTP/1.1\nHost: h i\n\n",
	"GET / HTTP/1.1\n\n",
	"GET  / HTTP/1.1\nHost: h\n\n",
	"GET / a HTTP/1.1\nHost: h\n\n",
	"GET /\x00 HTTP/1.1\nHost: h\n\n",
	"GET / HTTP/1.1\nHost: h\nA: \x00\n\n",
	"GET / HTTP/1.1\nHost: h\n: 1\n\n",
	"GET / HTTP/1.1\nHost: h\nA\n\n",
	"GET / HTTP/1.1\nHost: h\nA B: 1\n\n",
}

// numbered is what an instance was sent on its nth connection.
type numbered struct {
	n int
	received
}

// numbers is an instance that records, and ends with f.
func numbers(f *testing.F) (addr string, got chan numbered) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	got = make(chan numbered, 64)
	var running sync.WaitGroup
	running.Go(func() {
		for n := 0; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				got <- numbered{n, keep(c, okay)}
			})
		}
	})
	f.Cleanup(func() { _ = l.Close(); running.Wait() })
	return l.Addr().String(), got
}

// forward sends b and reads all answers. It returns what the instance got meanwhile, in
// the order of its connections.
func (p *proxy) forward(t *testing.T, b []byte, got chan numbered) []numbered {
	c := p.connect(t)
	_, _ = c.Write(b) // the proxy may have ended the connection
	_ = c.CloseWrite()
	c.all()
	var all []numbered
	for range p.tried() {
		all = append(all, <-got)
	}
	slices.SortFunc(all, func(a, b numbered) int { return a.n - b.n })
	return all
}

// tried is how many connections to the instance were used since it was last asked.
func (p *proxy) tried() (n int) {
	p.meter.mu.Lock()
	defer p.meter.mu.Unlock()
	for len(p.meter.heard) > 0 {
		<-p.meter.heard
	}
	n = len(p.meter.tries)
	p.meter.tries, p.meter.exchanges = nil, nil
	return n
}

// message is a request as net/http reads it.
type message struct {
	*http.Request
	err      error    // it refuses the head
	line     []string // the request line's words
	fields   []field  // as they came
	body     []byte
	complete bool // body is all of it, and the trailer section is read
}

type field struct{ name, value string }

func (f field) is(name string) bool { return strings.EqualFold(f.name, name) }

// understand reads the first request in b, and returns what is after it. One empty
// line before it is none of net/http's business but its server's.
func understand(b []byte) (m message, rest []byte) {
	b = bytes.TrimPrefix(b, []byte("\r\n"))
	_, rest, _ = bytes.Cut(b, []byte("\r\n\r\n"))
	head := b[:len(b)-len(rest)]
	r := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(acceptable(head)), bytes.NewReader(rest)), len(b)+64)
	if m.Request, m.err = http.ReadRequest(r); m.err != nil {
		return m, nil
	}
	line, lines, _ := strings.Cut(string(head), "\r\n")
	m.line = strings.Split(line, " ")
	for l := range strings.SplitSeq(strings.TrimSuffix(lines, "\r\n\r\n"), "\r\n") {
		if name, value, ok := strings.Cut(l, ":"); ok {
			m.fields = append(m.fields, field{name, strings.Trim(value, " \t")})
		}
	}
	body, err := io.ReadAll(m.Body)
	m.body, m.complete = body, err == nil
	rest, _ = io.ReadAll(r)
	return m, rest
}

// values are those of the fields of a name, in any case of letters.
func (m message) values(name string) []string {
	var list []string
	for _, f := range m.fields {
		if f.is(name) {
			list = append(list, f.value)
		}
	}
	return list
}

// tokens are the elements of the lists in those fields, in lower case.
func (m message) tokens(name string) []string {
	var list []string
	for _, v := range m.values(name) {
		for e := range strings.SplitSeq(strings.ToLower(v), ",") {
			if e = strings.Trim(e, " \t"); e != "" {
				list = append(list, e)
			}
		}
	}
	return list
}

// ordinary are the fields that are to be forwarded as they are.
func (m message) ordinary(named []string) []field {
	var list []field
	for _, f := range m.fields {
		name := strings.ToLower(f.name)
		if !slices.Contains(ruled, name) && !masked(name) && (!slices.Contains(named, name) || slices.Contains(vital, name)) {
			list = append(list, f)
		}
	}
	return list
}

// ruled are the fields that the proxy leaves out or writes itself.
var ruled = []string{
	"connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te",
	"transfer-encoding", "upgrade", "http2-settings", "host", "forwarded", "x-forwarded-for",
	"x-forwarded-proto", "x-forwarded-host", "x-request-id",
}

// masked reports whether programs that make variables of fields take name for another,
// one that the proxy knows.
func masked(name string) bool {
	other := strings.ReplaceAll(name, "_", "-")
	return other != name && (slices.Contains(ruled, other) || slices.Contains(vital, other) || other == "trailer")
}

// vital are those that Connection cannot take away.
var vital = []string{"content-length", "expect"}

// compare compares m, which the client sent, with what the instance got.
func (m message) compare(t *testing.T, got message) {
	equal := func(what string, got, want any) {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the instance got %q, want %q", what, got, want)
		}
	}
	path, authority := m.target()
	equal("method", got.Method, m.Method)
	equal("request line", got.line, []string{m.Method, path, "HTTP/1.1"})
	if m.URL.Path != "" {
		equal("path", got.URL.Path, m.URL.Path)
	}
	equal("query", got.URL.RawQuery, m.URL.RawQuery)
	equal("Host", got.values("host"), []string{authority})
	if !strings.Contains(authority, "%") {
		equal("Host as net/http reads it", got.Host, m.Host)
	}

	named := m.tokens("connection")
	equal("fields", got.ordinary(nil), m.ordinary(named))
	for _, f := range got.fields {
		equal(f.name, masked(strings.ToLower(f.name)), false)
	}
	equal("length", got.ContentLength, m.ContentLength)
	equal("coding", got.TransferEncoding, m.TransferEncoding)
	for _, name := range []string{"keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "http2-settings", "forwarded"} {
		equal(name, got.values(name), []string(nil))
	}
	if te := got.values("te"); te != nil {
		equal("TE", slices.Compact(te), []string{"trailers"})
		equal("TE was sent", slices.Contains(m.tokens("te"), "trailers"), true)
	}
	if offers := got.values("upgrade"); offers != nil {
		equal("Upgrade", offers, m.values("upgrade"))
		equal("an upgrade was offered", slices.Contains(named, "upgrade") && m.ProtoMinor == 1, true)
		equal("an upgrade to HTTP/2", slices.Contains(got.tokens("upgrade"), "h2c"), false)
	}
	for _, option := range got.values("connection") {
		equal("Connection "+option, got.values(option) != nil && (option == "TE" || option == "Upgrade"), true)
	}
	equal("X-Forwarded-For", got.values("x-forwarded-for"), []string{"127.0.0.1"})
	equal("X-Forwarded-Proto", got.values("x-forwarded-proto"), []string{"http"})
	equal("X-Forwarded-Host", got.values("x-forwarded-host"), []string{authority})
	ids := slices.DeleteFunc(m.values("x-request-id"), func(id string) bool { return id == "" })
	if have := got.values("x-request-id"); len(ids) > 0 {
		equal("X-Request-Id", have, ids)
	} else if len(have) != 1 || !madeID.MatchString("X-Request-Id: "+have[0]+"\r") {
		t.Errorf("X-Request-Id: the instance got %q, want a new one", have)
	}

	switch {
	case got.complete:
		equal("the body has an end", m.complete, true)
		equal("body", got.body, m.body)
		m.compareTrailers(t, got)
	case m.complete && m.TransferEncoding == nil:
		t.Errorf("the instance did not get the whole body")
	case !bytes.HasPrefix(m.body, got.body): // chunks may be refused that net/http takes
		equal("part of a body", got.body, m.body)
	}
}

// target is what the instance is to get for the request's target, and as its Host.
func (m message) target() (path, host string) {
	path, host = m.line[1], strings.Join(m.values("host"), "")
	if _, after, ok := strings.Cut(path, "://"); ok && path[0] != '/' {
		host, path = after, ""
		if end := strings.IndexAny(after, "/?"); end >= 0 {
			host, path = after[:end], after[end:]
		}
		switch {
		case path == "" && m.Method == "OPTIONS":
			path = "*"
		case !strings.HasPrefix(path, "/"):
			path = "/" + path
		}
	}
	return path, host
}

func (m message) compareTrailers(t *testing.T, got message) {
	for name, values := range got.Trailer {
		if !slices.Equal(values, m.Trailer[name]) {
			t.Errorf("trailer %s: the instance got %q, want %q", name, values, m.Trailer[name])
		}
	}
	for name, values := range m.Trailer {
		if len(values) > 0 && got.Trailer[name] == nil && !headOnly.MatchString(name) && !masked(strings.ToLower(name)) {
			t.Errorf("the instance did not get the trailer %s: %q", name, values)
		}
	}
}

// headOnly are fields that a proxy does not take from a trailer section (RFC 9110, 6.5.1).
var headOnly = regexp.MustCompile(`(?i)^(` + strings.Join(ruled, "|") + `|content-length|trailer|expect|if-.*|x-forwarded-.*|` +
	`age|authentication-info|authorization|cache-control|content-encoding|content-range|content-type|cookie|date|` +
	`expires|location|max-forwards|pragma|proxy-authentication-info|range|retry-after|set-cookie|vary|warning|` +
	`www-authenticate|x-real-ip)$`)
