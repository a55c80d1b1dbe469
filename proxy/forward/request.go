package forward

import (
	"bytes"

	"formation/proxy/http1"
)

// The fields that the proxy sets. Forwarded (RFC 7239) says the same and is removed,
// so that no instance reads two accounts.
//
// There is no Via (RFC 9110, 7.6.3), though a gateway is to send one: instances that
// see it stop compressing (nginx's gzip_proxied, IIS), and no other proxy of this kind
// sends it. What it tells is in X-Forwarded-For.

// appendRequest appends the head that an instance gets: written anew from what was
// parsed, its fields in their order and case. What belongs to the client's connection
// alone is gone before the proxy's own fields are set, so that no Connection field
// strips those (CVE-2025-48865).
func (x *Exchange) appendRequest(b []byte) []byte {
	in, r := x.In, &x.Request
	b = append(b, r.Method.Of(in)...)
	b = append(b, ' ')
	b = r.AppendTarget(b, in)
	b = append(b, " HTTP/1.1\r\n"...)

	hosted := false
	var run http1.Span // lines that are to be copied as they are
	for i := range r.Fields {
		f := &r.Fields[i]
		plain := f.Kind == http1.Other && !f.Hop && f.Line.End != 0
		if plain && f.Line.Start == run.End {
			run.End = f.Line.End
			continue
		}
		b = append(b, run.Of(in)...)
		run = http1.Span{}
		if plain {
			run = f.Line
			continue
		}
		switch f.Kind {
		case http1.Host:
			hosted = true
			b = http1.AppendField(b, f.Name.Of(in), r.Authority.Of(in))
		case http1.TransferEncoding:
			if r.Chunked {
				b = append(b, "Transfer-Encoding: chunked\r\n"...)
			}
		case http1.Upgrade:
			if x.switches() {
				b = append(b, "Connection: Upgrade\r\n"...)
				b = http1.AppendField(b, f.Name.Of(in), f.Value.Of(in))
			}
		case http1.TE: // the proxy relays trailers
			if bytes.EqualFold(f.Value.Of(in), []byte("trailers")) {
				b = append(b, "Connection: TE\r\nTE: trailers\r\n"...)
			}
		case http1.Forwarded, http1.XForwardedFor, http1.XForwardedProto, http1.XForwardedHost:
		case http1.Expect: // RFC 9110, 10.1.1: one of HTTP/1.0 means nothing by it
			if r.Expect {
				b = http1.AppendField(b, f.Name.Of(in), f.Value.Of(in))
			}
		case http1.XRequestID:
			if f.Value.Len() > 0 {
				b = http1.AppendField(b, f.Name.Of(in), f.Value.Of(in))
			}
		default:
			if !f.Hop {
				b = http1.AppendField(b, f.Name.Of(in), f.Value.Of(in))
			}
		}
	}
	b = append(b, run.Of(in)...)
	if !hosted {
		b = http1.AppendField(b, []byte("Host"), r.Authority.Of(in)) // RFC 9112, 3.2: empty where it is not known
	}
	b = x.appendForwarded(b)
	if r.RequestID.Len() == 0 {
		b = append(b, "X-Request-Id: "...)
		b = append(b, x.record.RequestID...)
		b = append(b, "\r\n"...)
	}
	b = append(b, "\r\n"...)
	return append(b, x.upload.part()...)
}

// switches reports whether the request may switch protocols: with a body, who speaks
// next would not be clear.
func (x *Exchange) switches() bool {
	return x.Request.Upgrade && x.Request.Length == 0 // -1 in chunks
}

// appendForwarded appends what the proxy says about the client. What the request says
// itself counts only from a proxy that is trusted.
func (x *Exchange) appendForwarded(b []byte) []byte {
	proto, host := []byte("http"), x.Request.Authority.Of(x.In)
	b = append(b, "X-Forwarded-For: "...)
	if x.client.Trusted {
		for i := range x.Request.Fields {
			f := &x.Request.Fields[i]
			switch value := f.Value.Of(x.In); {
			case len(value) == 0:
			case f.Kind == http1.XForwardedFor:
				b = append(b, value...)
				b = append(b, ", "...)
			case f.Kind == http1.XForwardedProto:
				proto = value
			case f.Kind == http1.XForwardedHost:
				host = value
			}
		}
	}
	b = append(b, x.client.Addr...)
	b = append(b, "\r\nX-Forwarded-Proto: "...)
	b = append(b, proto...)
	b = append(b, "\r\nX-Forwarded-Host: "...)
	b = append(b, host...)
	return append(b, "\r\n"...)
}
