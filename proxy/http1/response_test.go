package http1

import (
	"fmt"
	"testing"
)

func refuseResponses(t *testing.T, cases []refused) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { reject(t, newResponse, c.in, roomy, 502, c.reason) })
	}
}

func parseResponse(t *testing.T, in string) Response {
	t.Helper()
	return accept(t, newResponse, in, roomy).(Response)
}

func TestRFC9112Section4_StatusLine(t *testing.T) {
	for _, c := range []struct {
		name, in string
		status   int
		reason   string
		minor    uint8
	}{
		{"as usual", "HTTP/1.1 200 OK\r\n\r\n", 200, "OK", 1},
		{"HTTP/1.0", "HTTP/1.0 404 Not Found\r\n\r\n", 404, "Not Found", 0},
		{"an empty reason", "HTTP/1.1 200 \r\n\r\n", 200, "", 1},
		{"no reason", "HTTP/1.1 200\r\n\r\n", 200, "", 1},
		{"the first code", "HTTP/1.1 100 \r\n\r\n", 100, "", 1},
		{"the last code", "HTTP/1.1 999 \r\n\r\n", 999, "", 1},
		{"obs-text and tabs in the reason", "HTTP/1.1 200 \xc3\xa4\tb c\r\n\r\n", 200, "\xc3\xa4\tb c", 1},
		{"a space more belongs to the reason", "HTTP/1.1 200  OK\r\n\r\n", 200, " OK", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := parseResponse(t, c.in)
			if r.Status != c.status || string(r.Reason.Of([]byte(c.in))) != c.reason || r.Minor != c.minor {
				t.Errorf("%+v", r)
			}
		})
	}
	refuseResponses(t, []refused{
		{"an empty line first", "\r", 0, "version"},
		{"another protocol", "I", 0, "version"},
		{"HTTP/2.0", "HTTP/2.0", 0, "version"},
		{"HTTP/1.2", "HTTP/1.2", 0, "version"},
		{"a lower-case version", "h", 0, "version"},
		{"a tab after the version", "HTTP/1.1\t", 0, "version"},
		{"nothing after the version", "HTTP/1.1\r", 0, "version"},
		{"two spaces", "HTTP/1.1  ", 0, "status code"},
		{"a code below 100", "HTTP/1.1 0", 0, "status code"},
		{"two digits", "HTTP/1.1 20 ", 0, "status code"},
		{"four digits", "HTTP/1.1 2000", 0, "status code"},
		{"a letter", "HTTP/1.1 2x", 0, "status code"},
		{"a sign", "HTTP/1.1 +", 0, "status code"},
		{"a tab after the code", "HTTP/1.1 200\t", 0, "status code"},
		{"a bare line feed after the code", "HTTP/1.1 200\n", 0, "line feed"},
		{"a bare line feed after the reason", "HTTP/1.1 200 OK\n", 0, "line feed"},
		{"a bare carriage return", "HTTP/1.1 200 OK\ra", 0, "carriage return"},
		{"a bare carriage return without a reason", "HTTP/1.1 200\ra", 0, "carriage return"},
		{"NUL in the reason", "HTTP/1.1 200 \x00", 0, "reason"},
		{"a folded line", "HTTP/1.1 200 OK\r\nA: b\r\n ", 0, "whitespace"},
		{"a space before the colon", "HTTP/1.1 200 OK\r\nA ", 0, "whitespace"},
	})
}

func TestRFC9112Section6_3_ResponseBody(t *testing.T) {
	for _, c := range []struct {
		status int
		fields string
		get    Framing
		head   Framing
		length int64
	}{
		{200, "", ByClose, NoBody, 0},
		{200, "Content-Length: 5\n", ByLength, NoBody, 5},
		{200, "Content-Length: 0\n", ByLength, NoBody, 0},
		{200, "Transfer-Encoding: Chunked\n", ByChunks, NoBody, -1},
		{100, "", NoBody, NoBody, 0},
		{101, "Upgrade: a\nConnection: upgrade\n", NoBody, NoBody, 0},
		{101, "Content-Length: 0\nUpgrade: a\nConnection: upgrade\n", NoBody, NoBody, 0},
		{199, "", NoBody, NoBody, 0},
		{204, "", NoBody, NoBody, 0},
		{204, "Content-Length: 0\n", NoBody, NoBody, 0},
		{205, "", ByClose, NoBody, 0},
		{304, "", NoBody, NoBody, 0},
		{304, "Content-Length: 5\n", NoBody, NoBody, 5},
		{304, "Transfer-Encoding: chunked\n", NoBody, NoBody, -1},
		{404, "", ByClose, NoBody, 0},
	} {
		r := parseResponse(t, crlf(fmt.Sprintf("HTTP/1.1 %d x\n%s\n", c.status, c.fields)))
		if r.Body(false) != c.get || r.Body(true) != c.head || r.Length != c.length {
			t.Errorf("%d %q: %d, HEAD %d, length %d", c.status, c.fields, r.Body(false), r.Body(true), r.Length)
		}
	}
	refuseResponses(t, []refused{
		{"chunks in 100", "HTTP/1.1 100 \r\nTransfer-Encoding: chunked\r\n", 0, "Transfer-Encoding"},
		{"chunks in 101", "HTTP/1.1 101 \r\nTransfer-Encoding: chunked\r\n", 0, "Transfer-Encoding"},
		{"chunks in 204", "HTTP/1.1 204 \r\nTransfer-Encoding: chunked\r\n", 0, "Transfer-Encoding"},
		{"a length in 100", "HTTP/1.1 100 \r\nContent-Length: 1\r\n", 0, "Content-Length"},
		{"a length in 199", "HTTP/1.1 199 \r\nContent-Length: 3\r\n", 0, "Content-Length"},
		{"a length in 204", "HTTP/1.1 204 \r\nContent-Length: 1\r\n", 0, "Content-Length"},
		{"chunks in HTTP/1.0", "HTTP/1.0 200 \r\nTransfer-Encoding: chunked\r\n", 0, "HTTP/1.0"},
		{"both", "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n", 0, "both"},
		{"two lengths", "HTTP/1.1 200 \r\nContent-Length: 1\r\nContent-Length: 1\r\n", 0, "repeated"},
		{"two lengths of HEAD or 304", "HTTP/1.1 304 \r\nContent-Length: 1\r\nContent-Length: 1\r\n", 0, "repeated"},
		{"another coding", "HTTP/1.1 200 \r\nTransfer-Encoding: gzip\r\n", 0, "another coding"},
	})
}

// TestRequestFieldsInResponses mean nothing there.
func TestRequestFieldsInResponses(t *testing.T) {
	parseResponse(t, "HTTP/1.1 200 OK\r\nHost: a b\r\nHost: \r\nExpect: x\r\n\r\n")
}
