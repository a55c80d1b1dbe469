package http1

import (
	"bytes"
	"strings"
	"testing"
)

var (
	limits = Limits{Bytes: 16 << 10, Fields: 100}

	smallRequest = []byte("GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: wrk\r\n\r\n")

	browserRequest = []byte(strings.ReplaceAll(`GET /app/page?id=12345&sort=name HTTP/1.1
Host: www.example.com
Connection: keep-alive
Cache-Control: max-age=0
sec-ch-ua: "Chromium";v="130", "Google Chrome";v="130", "Not?A_Brand";v="99"
sec-ch-ua-mobile: ?0
sec-ch-ua-platform: "Linux"
Upgrade-Insecure-Requests: 1
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8
Sec-Fetch-Site: none
Sec-Fetch-Mode: navigate
Accept-Encoding: gzip, deflate, br, zstd
Accept-Language: en-US,en;q=0.9,de;q=0.8
Cookie: session=0123456789abcdef0123456789abcdef; theme=dark

`, "\n", "\r\n"))

	response20 = []byte(strings.ReplaceAll(`HTTP/1.1 200 OK
Date: Sat, 21 Nov 2026 23:15:10 GMT
Content-Type: text/html; charset=utf-8
Content-Length: 12345
Connection: keep-alive
Server: formation
Cache-Control: max-age=0, private, must-revalidate
ETag: W/"0123456789abcdef0123456789abcdef"
Last-Modified: Sat, 21 Nov 2026 20:00:00 GMT
Vary: Accept-Encoding
X-Request-Id: 01234567-89ab-cdef-0123-456789abcdef
X-Runtime: 0.012345
X-Frame-Options: SAMEORIGIN
X-Content-Type-Options: nosniff
X-XSS-Protection: 0
Referrer-Policy: strict-origin-when-cross-origin
Strict-Transport-Security: max-age=63072000; includeSubDomains
Set-Cookie: session=0123456789abcdef0123456789abcdef; path=/; HttpOnly; SameSite=Lax
Content-Language: en
Accept-Ranges: bytes
Alt-Svc: h3=":443"; ma=86400

`, "\n", "\r\n"))

	chunks = append(bytes.Repeat(append([]byte("400\r\n"), append(bytes.Repeat([]byte("x"), 1024), "\r\n"...)...), 16), "0\r\n\r\n"...)
)

func benchmarkRequest(b *testing.B, in []byte) {
	var r Request
	b.ReportAllocs()
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		r.Reset()
		if n, err := r.Parse(in, limits); n != len(in) || err != nil {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkRequestSmall(b *testing.B)   { benchmarkRequest(b, smallRequest) }
func BenchmarkRequestBrowser(b *testing.B) { benchmarkRequest(b, browserRequest) }

func BenchmarkResponse20Fields(b *testing.B) {
	var r Response
	b.ReportAllocs()
	b.SetBytes(int64(len(response20)))
	for b.Loop() {
		r.Reset()
		if n, err := r.Parse(response20, limits); n != len(response20) || err != nil {
			b.Fatal(n, err)
		}
	}
}

// BenchmarkChunks decodes 16 chunks of 1 KiB.
func BenchmarkChunks(b *testing.B) {
	var c Chunked
	b.ReportAllocs()
	b.SetBytes(int64(len(chunks)))
	for b.Loop() {
		c.Reset(limits)
		for in := chunks; ; {
			e, n, err := c.Next(in)
			if err != nil {
				b.Fatal(err)
			}
			in = in[n:]
			if e == End {
				break
			}
		}
	}
}
