// Package conn is a TCP connection as both sides of the proxy use it: waits are
// bounded without a timer each, a client that leaves is noticed, and long bodies
// go from one to the other inside the kernel.
package conn

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Conn is one connection. [Sweeper.Adopt] makes one. One goroutine reads and one
// writes at a time; Interrupt may be called by any.
type Conn struct {
	tcp     *net.TCPConn
	raw     syscall.RawConn
	sweeper *Sweeper

	deadline     atomic.Int64 // when waits end, with a Phase in its lowest bits; or interrupted
	interrupting sync.Mutex   // held from setting deadline so until waits have ended

	// A client's, see presence.go.
	peer      atomic.Pointer[Conn] // where its exchange waits
	speech    atomic.Int32         // who may write to it
	uploading atomic.Bool          // another goroutine reads from it
	uploaded  atomic.Bool          // or did, in this exchange
	half      atomic.Bool          // it has ended its side, and is there
	gone      atomic.Bool          // it has left

	// Guarded by the sweeper's mutex.
	next, prev *Conn
	seen       int64 // deadline, at the last sweep
	looked     int64 // deadline, when it was looked at
}

// Phase is what a connection waits for, as far as others need to know.
type Phase int64

// The phases. They take the two lowest bits of a deadline, which is exact to 4 ns.
const (
	Busy  Phase = iota // an exchange, or a part of one
	Idle               // the next request
	Fresh              // the first request
)

// interrupted is the deadline of a connection whose waits have all ended for good.
const interrupted = -1

// Never is a deadline that does not come. Each present has one of its own, so that no
// two waits have the same deadline.
func Never(now int64) int64 { return 1<<62 - now }

// began is when the process did.
var began = time.Now()

// Now is the time on the clock of deadlines, in nanoseconds. It never goes back.
func Now() int64 { return int64(time.Since(began)) }

// After is the deadline of what may take d from now, the present on the clock of
// deadlines; a d of 0 is no bound.
func After(now int64, d time.Duration) int64 {
	if d == 0 {
		return Never(now)
	}
	return now + int64(d)
}

// past interrupts what waits.
var past = time.Unix(1, 0)

// Arm bounds all waits from now on: when the time at has come, they end with
// [os.ErrDeadlineExceeded], within the sweeper's tick. It returns false when the
// connection was interrupted before: its waits end at once then, until Revive.
func (c *Conn) Arm(at int64, p Phase) bool {
	if c.deadline.Swap(at&^3|int64(p)) != interrupted {
		return true
	}
	c.deadline.Store(interrupted)
	return false
}

// Deadline is when waits end, as Rearm takes it.
func (c *Conn) Deadline() int64 { return c.deadline.Load() }

// Rearm replaces the deadline of a busy connection, unless it is no longer from: then
// it returns false.
func (c *Conn) Rearm(from, to int64) bool {
	return c.deadline.CompareAndSwap(from&^3, to&^3)
}

// Interrupt ends all waits, until Revive.
func (c *Conn) Interrupt() {
	c.interrupting.Lock()
	defer c.interrupting.Unlock()
	c.deadline.Store(interrupted)
	_ = c.tcp.SetDeadline(past)
}

// Revive takes an interruption back and arms the connection anew.
func (c *Conn) Revive(at int64, p Phase) {
	c.interrupting.Lock()
	defer c.interrupting.Unlock()
	_ = c.tcp.SetDeadline(time.Time{})
	c.deadline.Store(at&^3 | int64(p))
}

// InterruptIn does what Interrupt does if the connection is in phase p, and reports
// whether it was.
func (c *Conn) InterruptIn(p Phase) bool {
	d := c.deadline.Load()
	return d != interrupted && Phase(d&3) == p && c.interrupt(d)
}

// interrupt interrupts, unless the connection has been armed anew since its deadline
// was d: no two are the same.
func (c *Conn) interrupt(d int64) bool {
	c.interrupting.Lock()
	defer c.interrupting.Unlock()
	if !c.deadline.CompareAndSwap(d, interrupted) {
		return false
	}
	_ = c.tcp.SetDeadline(past)
	return true
}

// Interrupted reports whether the connection was interrupted.
func (c *Conn) Interrupted() bool { return c.deadline.Load() == interrupted }

// Read is io.Reader's.
func (c *Conn) Read(p []byte) (int, error) { return c.tcp.Read(p) }

// Write is io.Writer's.
func (c *Conn) Write(p []byte) (int, error) { return c.tcp.Write(p) }

// Await calls try with the connection's descriptor, at once and then whenever there
// may be something to read, until it returns true: who waits thus holds no buffer.
func (c *Conn) Await(try func(fd uintptr) bool) error { return c.raw.Read(try) }

// AwaitRoom calls try with the connection's descriptor, at once and then whenever there
// may be room again for something to write, until it returns true. It takes less of the
// stack than Write.
func (c *Conn) AwaitRoom(try func(fd uintptr) bool) error { return c.raw.Write(try) }

// TryRead reads what is there and does not wait: again is true when there is nothing
// yet. The end is io.EOF. It is for Await.
func TryRead(fd uintptr, p []byte) (n int, again bool, err error) {
	for {
		n, err = unix.Read(int(fd), p)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return 0, true, nil
		case err != nil:
			return 0, false, err
		case n == 0:
			return 0, false, io.EOF
		default:
			return n, false, nil
		}
	}
}

// TryRead reads what is there, and does not wait: 0 when there is nothing, or the end.
func (c *Conn) TryRead(p []byte) (n int) {
	_ = c.raw.Control(func(fd uintptr) { n, _, _ = TryRead(fd, p) })
	return n
}

// TryWrite writes what there is room for, and does not wait.
func (c *Conn) TryWrite(p []byte) (n int) {
	_ = c.raw.Control(func(fd uintptr) { n, _ = TryWrite(fd, p) })
	return n
}

// TryWrite writes what there is room for, and does not wait. It is for AwaitRoom, too.
func TryWrite(fd uintptr, p []byte) (n int, err error) {
	for {
		n, err = unix.Write(int(fd), p)
		switch err {
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, nil
		default:
			return max(n, 0), err
		}
	}
}

// StopReading makes a wait of another goroutine in Read end; Resume takes it back.
func (c *Conn) StopReading() { _ = c.tcp.SetReadDeadline(past) }

// Resume makes reading wait again. The connection has to be armed before the next
// wait, as its interruption may have come between.
func (c *Conn) Resume() { _ = c.tcp.SetReadDeadline(time.Time{}) }

// CloseWrite ends this side (RFC 9293, 3.6: half-close).
func (c *Conn) CloseWrite() error { return c.tcp.CloseWrite() }

// KeepAlive has the kernel look after a peer that neither sends nor is sent anything.
func (c *Conn) KeepAlive() { _ = c.tcp.SetKeepAlive(true) }

// Cut interrupts a client's connection, and the one that its exchange waits for.
func (c *Conn) Cut() {
	c.Interrupt()
	if peer := c.peer.Load(); peer != nil {
		peer.Interrupt()
	}
}

// Reset makes Close tell the peer that something went wrong (RFC 9293, 3.10.5: abort).
func (c *Conn) Reset() { _ = c.tcp.SetLinger(0) }

// Close closes the connection. Only the first call does.
func (c *Conn) Close() {
	c.sweeper.forget(c)
	_ = c.tcp.Close()
}
