package forward

import (
	"bytes"
	"io"

	"formation/proxy/conn"
	"formation/proxy/http1"
)

// tunnel relays what follows a switch of protocols (RFC 9110, 7.8) until both sides
// have ended. While neither sends, it holds no buffers.
func (f *Forwarder) tunnel(x *Exchange) Ending {
	x.peer.KeepAlive()
	x.client.KeepAlive()
	x.client.Uploading(true) // its end is read, not looked for
	x.body = http1.ByClose
	x.out = x.appendResponse(x.out[:0], plain, false)
	x.out = append(x.out, x.up[x.upHead:]...)
	early := bytes.Clone(x.In[x.upload.end:]) // what the client sent before it knew
	x.keepRecord()
	if !x.peer.Arm(conn.Never(conn.Now()), conn.Busy) || x.send(conn.Now()) != nil {
		return x.finish(errClient, true)
	}
	if n, err := x.peer.Write(early); n < len(early) || err != nil {
		return x.finish(errInstance, true)
	}
	x.record.In += int64(len(early))
	x.In, x.up, x.out = nil, nil, nil // tunnels last
	x.upload.end, x.next = 0, 0

	up := direction{dst: x.peer, src: x.client.Conn}
	down := direction{dst: x.client.Conn, src: x.peer}
	moved := func() bool { return x.client.Arm(conn.After(conn.Now(), f.TunnelTimeout), conn.Busy) }
	var panicked any
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if panicked = recover(); panicked != nil {
				up.end()
			}
		}()
		up.run(moved)
	}()
	down.run(moved)
	<-done
	if panicked != nil {
		panic(panicked) // who serves the client says so
	}
	x.record.In += up.bytes
	x.record.Out += down.bytes
	x.client.Uploading(false)
	x.finish(nil, true)
	return Close
}

// keepRecord makes the exchange's record independent of its buffers.
func (x *Exchange) keepRecord() {
	r := &x.record
	r.Method, r.Target, r.RequestID = bytes.Clone(r.Method), bytes.Clone(r.Target), bytes.Clone(r.RequestID)
}

// direction is one of a tunnel's.
type direction struct {
	dst, src *conn.Conn
	bytes    int64
}

// run moves bytes until src ends, which it passes on, or until either fails, which ends
// the tunnel.
func (d *direction) run(moved func() bool) {
	var buffer *[bulkSize]byte
	var n int
	var err error
	try := func(fd uintptr) bool {
		buffer = bulk.Get().(*[bulkSize]byte)
		var again bool
		if n, again, err = conn.TryRead(fd, buffer[:]); again {
			bulk.Put(buffer)
		}
		return !again
	}
	for moved() {
		if d.src.Await(try) != nil {
			break
		}
		if err == nil {
			_, err = d.dst.Write(buffer[:n])
			d.bytes += int64(n)
		}
		bulk.Put(buffer)
		switch {
		case err == io.EOF:
			_ = d.dst.CloseWrite()
			return
		case err != nil:
			d.end()
			return
		}
	}
	d.end()
}

func (d *direction) end() {
	d.dst.Interrupt()
	d.src.Interrupt()
}
