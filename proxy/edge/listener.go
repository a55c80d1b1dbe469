package edge

import (
	"context"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// handshake is how long connections that have begun may take to be made, before the
// queue is emptied for the last time: some round trips in a data center. A client
// that begins one meanwhile hears of its refusal when it asks again, a second later.
const handshake = 5 * time.Millisecond

// Listener is where clients arrive. It can end without losing one: the kernel
// completes connections before they are accepted, and closing a listener resets those
// that wait in its queue, with what their clients have sent.
type Listener struct{ *net.TCPListener }

// Listen listens on a TCP address, host:port.
func Listen(ctx context.Context, addr string) (Listener, error) {
	c := net.ListenConfig{KeepAlive: -1} // idle connections are timed
	c.SetMultipathTCP(false)             // its sockets take no filter, see ignoreNew
	l, err := c.Listen(ctx, "tcp", addr)
	if err != nil {
		return Listener{}, err
	}
	return Listener{l.(*net.TCPListener)}, nil
}

// end refuses clients from now on, and returns those that have got in and were not
// accepted yet. Accept ends.
func (l Listener) end() (waiting []*net.TCPConn) {
	raw, err := l.SyscallConn()
	if err != nil { // it is closed
		return nil
	}
	_ = raw.Control(func(fd uintptr) { ignoreNew(int(fd)) })
	pause := time.NewTimer(handshake)
	defer pause.Stop()
	<-pause.C
	_ = raw.Control(func(fd uintptr) {
		waiting = acceptAll(int(fd))
		// Shutting a listening socket down makes the kernel refuse, and wakes Accept.
		_ = unix.Shutdown(int(fd), unix.SHUT_RD)
	})
	return waiting
}

// ignoreNew makes the kernel drop what begins a connection (RFC 9293, 3.5: a segment
// with SYN), so that between the last look into the queue and the end nothing gets
// in. It needs no privilege; where it fails the gap is some microseconds.
func ignoreNew(fd int) {
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 13}, // the segment's flags
		{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: 0x02, Jt: 0, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0},          // SYN: drop it
		{Code: unix.BPF_RET | unix.BPF_K, K: 0xffffffff}, // else: keep all of it
	}
	_ = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
}

// acceptAll takes all connections that wait in a listening socket's queue.
func acceptAll(fd int) (conns []*net.TCPConn) {
	for {
		n, _, err := unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
			if c := newTCPConn(n); c != nil {
				conns = append(conns, c)
			}
		case unix.EINTR, unix.ECONNABORTED:
		default: // EAGAIN: there is none
			return conns
		}
	}
}

// newTCPConn makes a connection of a descriptor, or returns nil.
func newTCPConn(fd int) *net.TCPConn {
	file := os.NewFile(uintptr(fd), "")
	defer file.Close() // FileConn has a duplicate
	c, err := net.FileConn(file)
	if err != nil {
		return nil
	}
	tcp, _ := c.(*net.TCPConn)
	return tcp
}
