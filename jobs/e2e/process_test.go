//go:build servers

package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a server that the tests started.
type process struct {
	cmd  *exec.Cmd
	out  *lines
	done chan struct{} // closed when it has ended
}

// launch starts a program; its standard output and error can be read as lines.
func launch(path string, env []string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(path, args...), out: newLines(), done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		p.out.end()
		close(p.done)
	}()
	return p, nil
}

// stop asks the process to end and waits; one that does not is killed.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		p.kill()
	}
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// lines keeps what a process writes.
type lines struct {
	mu    sync.Mutex
	text  bytes.Buffer
	ended bool
	more  *sync.Cond
}

func newLines() *lines {
	l := &lines{}
	l.more = sync.NewCond(&l.mu)
	return l
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.more.Broadcast()
	return l.text.Write(p)
}

func (l *lines) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	l.more.Broadcast()
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// find waits for a whole line that contains text.
func (l *lines) find(text string) (string, error) {
	defer time.AfterFunc(time.Minute, l.end).Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		r := bufio.NewReader(bytes.NewReader(l.text.Bytes()))
		for {
			line, err := r.ReadString('\n')
			if err == io.EOF {
				break
			}
			if strings.Contains(line, text) {
				return line, nil
			}
		}
		if l.ended {
			return "", fmt.Errorf("it ended, or a minute passed, without a line with %q; it said:\n%s", text, l.text.String())
		}
		l.more.Wait()
	}
}
