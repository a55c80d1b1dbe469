package conn

import "golang.org/x/sys/unix"

// hungUp reports whether the peer has ended its side, and whether the connection is
// no more: reset, or ended on both sides.
func (c *Conn) hungUp() (ended, left bool) {
	err := c.raw.Control(func(fd uintptr) {
		fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		if n, err := unix.Poll(fds[:], 0); err == nil && n > 0 {
			ended = fds[0].Revents&unix.POLLRDHUP != 0
			left = fds[0].Revents&(unix.POLLERR|unix.POLLHUP) != 0
		}
	})
	return ended, left || err != nil
}

// HungUp reports whether the connection is no more: reset, or ended on both sides.
func (c *Conn) HungUp() bool {
	_, left := c.hungUp()
	return left
}

// Pending reports whether something has arrived: bytes, the peer's end or an error. It
// does not wait, and takes nothing. What is still on its way cannot be seen.
func (c *Conn) Pending() (pending bool) {
	err := c.raw.Control(func(fd uintptr) {
		fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN | unix.POLLRDHUP}}
		n, err := unix.Poll(fds[:], 0)
		pending = n > 0 || err != nil && err != unix.EINTR
	})
	return pending || err != nil
}
