package main

import (
	"fmt"
	"strings"
)

// What goes over the wire. Requests are wrk's, answers are the upstream's, to the byte.

const (
	kib = 1 << 10
	mib = 1 << 20
)

// request is what the clients of a case send, over and over.
type request struct {
	Path    string
	Headers [][2]string // besides Host
	Body    int         // its length; 0: a GET without one
}

func (r request) Method() string {
	if r.Body > 0 {
		return "POST"
	}
	return "GET"
}

// browsers are the headers of a browser's request for a page's data: with the request's
// line and Host, 14 headers and 700 bytes.
var browsers = [][2]string{
	{"User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"},
	{"Accept", "application/json, text/plain, */*"},
	{"Accept-Language", "en-US,en;q=0.9,de;q=0.8"},
	{"Accept-Encoding", "gzip, deflate, br, zstd"},
	{"Referer", "https://shop.example.com/catalogue/spring?page=2"},
	{"Cookie", "session=9f8e7d6c5b4a39281706f5e4d3c2b1a0; theme=dark; consent=all; _ga=GA1.2.1234567890.1718000000; _gid=GA1.2.987654321.1718000001; cart=5d41402abc4b2a76b"},
	{"sec-ch-ua", `"Chromium";v="126", "Not/A)Brand";v="8"`},
	{"sec-ch-ua-mobile", "?0"},
	{"sec-ch-ua-platform", `"Linux"`},
	{"Sec-Fetch-Dest", "empty"},
	{"Sec-Fetch-Mode", "cors"},
	{"Sec-Fetch-Site", "same-origin"},
	{"DNT", "1"},
}

// host is sent as Host, whoever it is for: so that all peers get the same bytes.
const host = "shop.example.com"

// head is the request as wrk writes it, but for the order of its headers.
func (r request) head() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method(), r.Path, host)
	for _, h := range r.Headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	if r.Body > 0 {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", r.Body)
	}
	return b.String() + "\r\n"
}

const hello = "Hello, World!"

// answers are the upstream's, by path.
var answers = map[string][]byte{
	"/small":   answer(hello),
	"/up":      answer(hello),
	"/browser": answer(hello, pages...),
	"/64k":     answer(strings.Repeat("x", 64*kib)),
	"/10m":     answer(strings.Repeat("x", 10*mib)),
}

// bodyOf is the length of the body of the answer that path gets.
func bodyOf(path string) int {
	_, body, _ := strings.Cut(string(answers[path]), "\r\n\r\n")
	return len(body)
}

// pages are the headers of an answer to a browser, besides the four of every answer: 20
// in all.
var pages = [][2]string{
	{"Cache-Control", "private, no-cache, max-age=0, must-revalidate"},
	{"Content-Language", "en"},
	{"Content-Security-Policy", "default-src 'self'; img-src 'self' data:"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-site"},
	{"ETag", `"5f3c-61a2b3c4d5e6f"`},
	{"Expires", "Thu, 01 Jan 1970 00:00:00 GMT"},
	{"Last-Modified", "Mon, 10 Jun 2024 10:00:00 GMT"},
	{"Permissions-Policy", "camera=(), microphone=()"},
	{"Referrer-Policy", "strict-origin-when-cross-origin"},
	{"Set-Cookie", "session=9f8e7d6c5b4a3928; Path=/; HttpOnly; Secure; SameSite=Lax"},
	{"Strict-Transport-Security", "max-age=31536000"},
	{"Vary", "Accept-Encoding, Cookie"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"X-Response-Time", "3"},
}

func answer(body string, headers ...[2]string) []byte {
	var b strings.Builder
	b.WriteString("HTTP/1.1 200 OK\r\nServer: upstream\r\nDate: Mon, 10 Jun 2024 10:00:00 GMT\r\nContent-Type: text/plain\r\n")
	fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	for _, h := range headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	return []byte(b.String() + "\r\n" + body)
}
