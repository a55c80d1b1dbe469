package upstream

import (
	"io"
	"net"
	"sync/atomic"
	"syscall"
)

// Conn is a connection to an instance that knows how much was sent on it, because
// what may be tried again depends on that.
type Conn struct {
	*net.TCPConn
	sent atomic.Int64
}

// Sent is the number of bytes the kernel has taken to send since the connection
// was made.
func (c *Conn) Sent() int64 { return c.sent.Load() }

// Write is net.Conn's.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.TCPConn.Write(p)
	c.sent.Add(int64(n))
	return n, err
}

// ReadFrom is io.ReaderFrom's: it splices where the kernel can.
func (c *Conn) ReadFrom(r io.Reader) (int64, error) {
	n, err := c.TCPConn.ReadFrom(r)
	c.sent.Add(n)
	return n, err
}

// Spent reports whether an idle connection is of no more use: the peer's close, an
// error, or bytes nobody asked for have arrived. It looks without taking anything
// and does not wait. A close still on its way cannot be seen.
func (c *Conn) Spent() bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	spent := false
	// Control, not Read: another goroutine may be waiting in a read.
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		spent = err != syscall.EAGAIN // no error means bytes, or 0 of them: the peer's close
	})
	return spent || err != nil
}
