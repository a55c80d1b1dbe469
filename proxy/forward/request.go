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

// writeRequest writes the head that an instance gets, and what goes with it, into out:
// anew from what was parsed, the fields in their order and case. What belongs to the
// client's connection alone is gone before the proxy's own fields are set, so that no
// Connection field strips those (CVE-2025-48865).
//
// This is deep in the stack of a client's goroutine, which is to stay within its first
// 2 KiB: hence the parts.
func (x *Exchange) writeRequest() {
	x.out = x.appendRequestLine(x.out[:0])
	x.out = x.appendFields(x.out)
	x.out = x.appendForwarded(x.out)
	if x.Request.RequestID.Len() == 0 {
		x.out = http1.AppendField(x.out, []byte("X-Request-Id"), x.record.RequestID)
	}
	x.out = append(x.out, "\r\n"...)
	x.out = append(x.out, x.upload.part()...)
}

func (x *Exchange) appendRequestLine(b []byte) []byte {
	b = append(b, x.Request.Method.Of(x.In)...)
	b = append(b, ' ')
	b = x.Request.AppendTarget(b, x.In)
	return append(b, " HTTP/1.1\r\n"...)
}

// appendFields appends the request's own fields.
func (x *Exchange) appendFields(b []byte) []byte {
	in, r := x.In, &x.Request
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
		hosted = hosted || f.Kind == http1.Host
		b = x.appendField(b, f)
	}
	b = append(b, run.Of(in)...)
	if !hosted {
		b = http1.AppendField(b, []byte("Host"), r.Authority.Of(in)) // RFC 9112, 3.2: empty where it is not known
	}
	return b
}

// appendField appends what becomes of a field that is not simply copied.
func (x *Exchange) appendField(b []byte, f *http1.Field) []byte {
	r, name, value := &x.Request, f.Name.Of(x.In), f.Value.Of(x.In)
	switch f.Kind {
	case http1.Host:
		value = r.Authority.Of(x.In)
	case http1.TransferEncoding:
		if !r.Chunked {
			return b
		}
		name, value = []byte("Transfer-Encoding"), []byte("chunked")
	case http1.Upgrade:
		if !x.switches() {
			return b
		}
		b = append(b, "Connection: Upgrade\r\n"...)
	case http1.TE: // the proxy relays trailers
		if !bytes.EqualFold(value, []byte("trailers")) {
			return b
		}
		b = append(b, "Connection: TE\r\n"...)
		name, value = []byte("TE"), []byte("trailers")
	case http1.Forwarded, http1.XForwardedFor, http1.XForwardedProto, http1.XForwardedHost:
		return b
	case http1.Expect: // RFC 9110, 10.1.1: one of HTTP/1.0 means nothing by it
		if !r.Expect {
			return b
		}
	case http1.XRequestID:
		if len(value) == 0 {
			return b
		}
	default:
		if f.Hop {
			return b
		}
	}
	return http1.AppendField(b, name, value)
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
