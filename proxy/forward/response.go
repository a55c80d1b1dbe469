package forward

import (
	"bytes"
	"strconv"

	"formation/proxy/http1"
)

// framing is how a response's body is sent to the client.
type framing uint8

const (
	plain   framing = iota // as it is; its length is told, or there is none
	chunks                 // RFC 9112, 7.1
	toClose                // until the connection ends: a client of HTTP/1.0 knows no chunks
)

// appendResponse appends the head that the client gets: written anew from what was
// parsed, its fields in their order and case.
func (x *Exchange) appendResponse(b []byte, body framing, last bool) []byte {
	up, r := x.up, &x.response
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(r.Status), 10)
	b = append(b, ' ')
	b = append(b, r.Reason.Of(up)...)
	b = append(b, "\r\n"...)

	var run http1.Span // lines that are to be copied as they are
	for i := range r.Fields {
		f := &r.Fields[i]
		kept := !f.Hop && (f.Kind != http1.ContentLength || body == plain && r.Status >= 200 && r.Status != 204)
		if kept && f.Line.End != 0 && f.Line.Start == run.End {
			run.End = f.Line.End
			continue
		}
		b = append(b, run.Of(up)...)
		run = http1.Span{}
		switch {
		case kept && f.Line.End != 0:
			run = f.Line
		case kept:
			b = http1.AppendField(b, f.Name.Of(up), f.Value.Of(up))
		case f.Kind == http1.Upgrade && r.Status == 101:
			b = append(b, "Connection: Upgrade\r\n"...)
			b = http1.AppendField(b, f.Name.Of(up), f.Value.Of(up))
		}
	}
	b = append(b, run.Of(up)...)
	if body == chunks {
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	switch {
	case r.Status < 200:
	case last:
		b = append(b, "Connection: close\r\n"...)
	case x.Request.Minor == 0:
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	return append(b, "\r\n"...)
}

// switchAskedFor reports whether a 101 response is to a protocol that the request
// asked for (RFC 9110, 15.2.2).
func (x *Exchange) switchAskedFor() bool {
	if !x.switches() || !x.response.Upgrade {
		return false
	}
	got := fieldValue(x.up, x.response.Fields, http1.Upgrade)
	for asked := range bytes.SplitSeq(fieldValue(x.In, x.Request.Fields, http1.Upgrade), []byte(",")) {
		if bytes.EqualFold(bytes.TrimSpace(asked), got) {
			return true
		}
	}
	return false
}

func fieldValue(b []byte, fields []http1.Field, k http1.Kind) []byte {
	for i := range fields {
		if fields[i].Kind == k {
			return fields[i].Value.Of(b)
		}
	}
	return nil
}
