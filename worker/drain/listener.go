package drain

import (
	"context"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// handshake is how long connections that have begun may take to be made, before the
// queue is emptied for the last time: some round trips in a data center. A client
// that begins one meanwhile hears of its refusal when it asks again, a second later.
const handshake = 5 * time.Millisecond

// Listener is a TCP listener that can end without losing a connection. The kernel
// completes connections before they are accepted, and closing a listener resets
// those that wait in its queue, with the requests that their clients have already
// sent. Stop empties the queue first.
type Listener struct {
	*net.TCPListener

	stopOnce, closeOnce sync.Once

	stopping chan struct{} // closed before nothing more gets in
	stopped  chan struct{} // closed after that, when the queue was emptied
	taken    chan struct{} // closed when what was in the queue has been accepted
	closed   chan struct{}

	queued []net.Conn // what was in the queue; Accept's, after stopped
}

// Listen listens on a TCP address, host:port.
func Listen(ctx context.Context, addr string) (*Listener, error) {
	var c net.ListenConfig
	c.SetMultipathTCP(false) // its sockets take no filter, see ignoreNew
	l, err := c.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &Listener{
		TCPListener: l.(*net.TCPListener),
		stopping:    make(chan struct{}), stopped: make(chan struct{}),
		taken: make(chan struct{}), closed: make(chan struct{}),
	}, nil
}

// Accept is net.Listener's. It is to be called by one goroutine, as [http.Server]
// does.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.TCPListener.Accept()
	if err == nil {
		return c, nil
	}
	select {
	case <-l.stopping:
		<-l.stopped
	default:
		return nil, err
	}
	if len(l.queued) > 0 {
		c, l.queued = l.queued[0], l.queued[1:]
		return c, nil
	}
	// Whoever asks for one more has taken care of the last.
	select {
	case <-l.taken:
	default:
		close(l.taken)
	}
	<-l.closed
	return nil, net.ErrClosed
}

// Stop takes no more connections: clients are refused from now on, which they can
// tell from a request that was lost. It returns when those that had got in have been
// accepted, or when the listener was closed.
func (l *Listener) Stop() {
	l.stopOnce.Do(l.stop)
	select {
	case <-l.taken:
	case <-l.closed:
	}
}

func (l *Listener) stop() {
	defer close(l.stopped)
	close(l.stopping)
	raw, err := l.SyscallConn()
	if err != nil { // it is closed
		return
	}
	_ = raw.Control(func(fd uintptr) { ignoreNew(int(fd)) })
	time.Sleep(handshake)
	var found []int
	_ = raw.Control(func(fd uintptr) {
		found = acceptAll(int(fd))
		// Shutting a listening socket down makes the kernel refuse, and wakes Accept.
		_ = unix.Shutdown(int(fd), unix.SHUT_RD)
	})
	for _, fd := range found {
		file := os.NewFile(uintptr(fd), "")
		if c, err := net.FileConn(file); err == nil {
			l.queued = append(l.queued, c)
		}
		_ = file.Close() // FileConn has a duplicate
	}
}

// Close is net.Listener's.
func (l *Listener) Close() error {
	l.closeOnce.Do(func() { close(l.closed) })
	return l.TCPListener.Close()
}

// ignoreNew makes the kernel drop what begins a connection (RFC 9293 3.5: a segment
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
func acceptAll(fd int) (conns []int) {
	for {
		conn, _, err := unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch err {
		case nil:
			conns = append(conns, conn)
		case unix.EINTR, unix.ECONNABORTED:
		default: // EAGAIN: there is none
			return conns
		}
	}
}
