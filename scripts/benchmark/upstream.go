package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// The upstream has to be far cheaper than any proxy: it shares its cores with the load
// generator, and what is to be measured is the proxy. So it is one loop over one epoll,
// trusts what it reads, and answers with bytes that were made before. It listens on all
// of 127.0.0.0/8, so that four ports are as many instances as there are addresses.

const upstreamPorts = 4

// serveUpstream prints the ports and serves until the process is ended.
func serveUpstream(ports io.Writer) error {
	u, err := newUpstream()
	if err != nil {
		return fmt.Errorf("upstream: %w", err)
	}
	for _, port := range u.ports {
		fmt.Fprint(ports, port, " ")
	}
	fmt.Fprintln(ports)
	return fmt.Errorf("upstream: %w", u.serve())
}

type upstream struct {
	epoll     int
	ports     []int
	listeners map[int]bool
	conns     map[int]*upstreamConn
	buffer    []byte
}

// upstreamConn is a proxy's connection.
type upstreamConn struct {
	fd   int
	in   []byte // the beginning of a head that has not come whole
	skip int    // what is to come of a request's body
	then []byte // the answer when that has come
	out  []byte // what is left of an answer
}

func newUpstream() (*upstream, error) {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	u := &upstream{epoll: epoll, listeners: make(map[int]bool), conns: make(map[int]*upstreamConn), buffer: make([]byte, 256*kib)}
	for range upstreamPorts {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, err
		}
		// Every address, but of the loopback interface only.
		if err := syscall.SetsockoptString(fd, syscall.SOL_SOCKET, syscall.SO_BINDTODEVICE, "lo"); err != nil {
			return nil, fmt.Errorf("bind to lo: %w", err)
		}
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: port}); err != nil {
			return nil, fmt.Errorf("port %d: %w", port, err)
		}
		if err := syscall.Listen(fd, 4096); err != nil {
			return nil, err
		}
		u.ports = append(u.ports, port)
		u.listeners[fd] = true
		if err := u.watch(syscall.EPOLL_CTL_ADD, fd, syscall.EPOLLIN); err != nil {
			return nil, err
		}
	}
	return u, nil
}

func (u *upstream) watch(op, fd int, events uint32) error {
	return syscall.EpollCtl(u.epoll, op, fd, &syscall.EpollEvent{Events: events, Fd: int32(fd)})
}

func (u *upstream) serve() error {
	events := make([]syscall.EpollEvent, 512)
	for {
		n, err := syscall.EpollWait(u.epoll, events, -1)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return err
		}
		for i := range max(n, 0) {
			fd := int(events[i].Fd)
			if u.listeners[fd] {
				u.accept(fd)
			} else if c := u.conns[fd]; c != nil && !u.advance(c) {
				delete(u.conns, fd)
				syscall.Close(fd) // and with that epoll forgets it
			}
		}
	}
}

func (u *upstream) accept(listener int) {
	for {
		fd, _, err := syscall.Accept4(listener, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		if err != nil {
			return // none left; or none possible, which the proxy will say
		}
		// Without it an answer in two writes waits for the acknowledgement of the first.
		if syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1) != nil ||
			u.watch(syscall.EPOLL_CTL_ADD, fd, syscall.EPOLLIN) != nil {
			syscall.Close(fd)
			continue
		}
		u.conns[fd] = &upstreamConn{fd: fd}
	}
}

// advance does what can be done now; false when the connection is over.
func (u *upstream) advance(c *upstreamConn) bool {
	if len(c.out) > 0 {
		return u.write(c)
	}
	if c.skip > len(u.buffer) {
		return c.drop(u.buffer)
	}
	n, err := syscall.Read(c.fd, u.buffer)
	if err != nil {
		return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR)
	}
	if n == 0 {
		return false
	}
	in := u.buffer[:n]
	if c.skip > 0 {
		part := min(c.skip, len(in))
		in, c.skip = in[part:], c.skip-part
		return c.skip > 0 || u.answer(c, c.then, in)
	}
	if len(c.in) > 0 {
		in = append(c.in, in...)
		c.in = nil
	}
	end := bytes.Index(in, []byte("\r\n\r\n"))
	if end < 0 {
		c.in = bytes.Clone(in)
		return len(in) < 64*kib
	}
	head, rest := in[:end+4], in[end+4:]
	_, path, _ := bytes.Cut(head, []byte(" "))
	path, _, _ = bytes.Cut(path, []byte(" "))
	then := answers[string(path)]
	if then == nil {
		then = answer("no such path")
	}
	if head[0] != 'P' {
		return u.answer(c, then, rest)
	}
	length := contentLength(head)
	if length < 0 {
		return false // chunked: a proxy that sends it so is not measured here
	}
	part := min(length, len(rest))
	if c.skip, c.then = length-part, then; c.skip > 0 {
		return true
	}
	return u.answer(c, then, rest[part:])
}

// drop has the kernel discard what has come of a body, without a copy.
func (c *upstreamConn) drop(buffer []byte) bool {
	n, _, err := syscall.Recvfrom(c.fd, buffer, syscall.MSG_TRUNC)
	if err != nil {
		return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR)
	}
	c.skip -= n
	return n > 0
}

// answer writes one; nobody sends the next request before it is read.
func (u *upstream) answer(c *upstreamConn, out, rest []byte) bool {
	if len(rest) > 0 {
		return false
	}
	c.out = out
	n, err := syscall.Write(c.fd, out)
	if err != nil && !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR) {
		return false
	}
	if c.out = out[max(n, 0):]; len(c.out) == 0 {
		return true
	}
	return u.watch(syscall.EPOLL_CTL_MOD, c.fd, syscall.EPOLLOUT) == nil
}

func (u *upstream) write(c *upstreamConn) bool {
	n, err := syscall.Write(c.fd, c.out)
	if err != nil {
		return errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR)
	}
	if c.out = c.out[n:]; len(c.out) > 0 {
		return true
	}
	return u.watch(syscall.EPOLL_CTL_MOD, c.fd, syscall.EPOLLIN) == nil
}

// contentLength returns -1 when there is none.
func contentLength(head []byte) int {
	_, after, found := strings.Cut(strings.ToLower(string(head)), "\r\ncontent-length:")
	if !found {
		return -1
	}
	value, _, _ := strings.Cut(after, "\r\n")
	length, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil {
		return -1
	}
	return length
}

// ports are looked for below those that the kernel gives to connections (from 32768 on):
// one of them may have it between freePort and its use.
var nextPort = 20000 + os.Getpid()%10000

// freePort returns a port that nothing on 127.0.0.1 listens on.
func freePort() (int, error) {
	for range 1000 {
		if nextPort++; nextPort >= 32000 {
			nextPort = 20000
		}
		l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", nextPort))
		if err == nil {
			l.Close()
			return nextPort, nil
		}
	}
	return 0, errors.New("no free port from 20000 to 32000")
}
