//go:build servers

// Package redistest runs a real Redis for tests.
package redistest

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Server is a redis-server on a loopback port with an append-only file of its own that
// is on the disk before a command is answered: what it answered survives Kill.
type Server struct {
	// Addr is "host:port"; it stays the same over Kill and Start.
	Addr string

	folder string
	mu     sync.Mutex
	cmd    *exec.Cmd     // nil while it does not run
	ended  chan struct{} // closed when its output has been read to the end
}

// New starts a server and returns when it takes commands. It is killed when the test
// ends. The binary is FORMATION_REDIS or redis-server on PATH; a machine without one
// fails the test.
func New(t testing.TB) *Server {
	t.Helper()
	s := &Server{folder: t.TempDir()}
	t.Cleanup(s.Kill)
	var err error
	for range 5 { // the port may be taken between the choice and the start
		s.Addr = freeAddr()
		if err = s.start(); err == nil {
			return s
		}
	}
	t.Fatalf("start redis-server: %v", err)
	return nil
}

// Start starts the server anew after Kill, on the same address and data.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Errorf("start redis-server anew: %v", err)
	}
}

// Kill ends the server as kill -9 does and waits for its end. Without a running server
// it does nothing.
func (s *Server) Kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kill()
}

func (s *Server) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.ended
	_ = s.cmd.Wait()
	s.cmd = nil
}

func (s *Server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return err
	}
	cmd := exec.Command(cmp.Or(os.Getenv("FORMATION_REDIS"), "redis-server"), "--bind", host, "--port", port, "--dir", s.folder,
		"--appendonly", "yes", "--appendfsync", "always", "--save", "", "--daemonize", "no")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd, s.ended = cmd, make(chan struct{})
	ready := make(chan error, 1)
	go func() {
		defer close(s.ended)
		ready <- untilReady(out)
		_, _ = io.Copy(io.Discard, out)
	}()
	if err := <-ready; err != nil {
		s.kill()
		return err
	}
	return nil
}

// untilReady reads the log up to the line that says that commands are taken.
func untilReady(log io.Reader) error {
	var said strings.Builder
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "eady to accept connections") {
			return nil
		}
		said.WriteString(lines.Text() + "\n")
	}
	return fmt.Errorf("it ended:\n%s", &said)
}

// freeAddr is a loopback address below the ports that the kernel gives to outgoing
// connections, so that none of those takes it while the server is down.
func freeAddr() string {
	for {
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(20000+rand.IntN(10000)))
		if listener, err := net.Listen("tcp", addr); err == nil {
			_ = listener.Close()
			return addr
		}
	}
}
