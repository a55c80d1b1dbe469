package forward

import "formation/proxy/http1"

// maxTrailer is the size of a trailer section in bytes.
const maxTrailer = 8 << 10

// rechunker reads a body in chunks and writes it anew (RFC 9112, 7.1).
type rechunker struct {
	http1.Chunked
	bare  bool // the receiver knows no chunks and gets the data alone
	ended bool // the last chunk is written
}

func (r *rechunker) reset(bare bool) {
	r.Reset(http1.Limits{Bytes: maxTrailer, Fields: maxFields})
	r.bare, r.ended = bare, false
}

// next takes n bytes of b and appends what they say to out.
func (r *rechunker) next(out, b []byte) (_ []byte, e http1.Event, n int, err error) {
	e, n, err = r.Next(b)
	if err != nil {
		return out, e, n, err
	}
	switch e {
	case http1.ChunkData:
		out = r.append(out, r.Data)
	case http1.TrailerField:
		if f := r.Field; !f.Hop && !r.bare {
			out = http1.AppendField(r.last(out), f.Name.Of(b), f.Value.Of(b))
		}
	case http1.End:
		out = r.end(out)
	}
	return out, e, n, nil
}

// append appends a part of the body.
func (r *rechunker) append(out, data []byte) []byte {
	switch {
	case len(data) == 0: // a chunk without data would be the last
		return out
	case r.bare:
		return append(out, data...)
	}
	out = http1.AppendChunkSize(out, len(data))
	out = append(out, data...)
	return append(out, "\r\n"...)
}

// last appends the last chunk, once.
func (r *rechunker) last(out []byte) []byte {
	if r.ended {
		return out
	}
	r.ended = true
	return append(out, "0\r\n"...)
}

// end appends the body's end.
func (r *rechunker) end(out []byte) []byte {
	if r.bare {
		return out
	}
	return append(r.last(out), "\r\n"...)
}
