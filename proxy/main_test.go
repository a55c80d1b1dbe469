package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// The test binary is the proxy when it is told to.
func TestMain(m *testing.M) {
	if os.Getenv("BE_THE_PROXY") != "" {
		os.Exit(run(os.Args[1:]))
	}
	os.Exit(m.Run())
}

func proxy(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0], args...)
	c.Env = append(os.Environ(), "BE_THE_PROXY=1")
	return c
}

func TestExitCodes(t *testing.T) {
	cases := []struct {
		name   string
		args   []string
		code   int
		stderr string // one line that has this, or nothing
	}{
		{"help", []string{"--help"}, 0, ""},
		{"an unknown option", []string{"--nonsense"}, 2, "--nonsense"},
		{"a bad value", []string{"--hold-last=soon"}, 2, "--hold-last"},
		{"an address that is not this machine's", []string{"--listen=192.0.2.1:1"}, 1, "--listen"},
		{"an admin address that is not", []string{"--listen=127.0.0.1:0", "--admin=192.0.2.1:1"}, 1, "--admin"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var stderr bytes.Buffer
			p := proxy(t, c.args...)
			p.Stderr = &stderr
			_ = p.Run()
			if got := p.ProcessState.ExitCode(); got != c.code {
				t.Errorf("exit code %d, want %d", got, c.code)
			}
			lines := strings.Count(stderr.String(), "\n")
			if !strings.Contains(stderr.String(), c.stderr) || (c.stderr == "") != (lines == 0) || lines > 1 {
				t.Errorf("standard error is %q", stderr.String())
			}
		})
	}
}

// serving starts a proxy in front of handler and waits until it serves.
func serving(t *testing.T, handler http.HandlerFunc, args ...string) (p *exec.Cmd, url, admin string) {
	t.Helper()
	instance := httptest.NewServer(handler)
	t.Cleanup(instance.Close)
	p = proxy(t, append([]string{"--listen=127.0.0.1:0", "--admin=127.0.0.1:0", "--discovery=static",
		"--instances=" + instance.Listener.Addr().String()}, args...)...)
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var said struct{ Msg, Listen, Admin string }
		if err := json.Unmarshal(lines.Bytes(), &said); err != nil {
			t.Fatalf("a line that is not JSON: %q", lines.Text())
		}
		if said.Msg == "serving" {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return p, "http://" + said.Listen, "http://" + said.Admin
		}
	}
	t.Fatal("the proxy ended before it served")
	return nil, "", ""
}

func TestASignalDrains(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	p, url, admin := serving(t, func(w http.ResponseWriter, _ *http.Request) {
		close(asked)
		<-answer
		_, _ = io.WriteString(w, "well")
	}, "--drain-delay=0s")
	got := make(chan string, 1)
	go func() {
		res, err := http.Get(url)
		if err != nil {
			got <- err.Error()
			return
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		got <- string(body)
	}()
	<-asked
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for { // until it says so
		res, err := http.Get(admin + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode == http.StatusServiceUnavailable {
			break
		}
	}
	close(answer)
	if body := <-got; body != "well" {
		t.Errorf("what ran got %q", body)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestASecondSignalEndsItAtOnce(t *testing.T) {
	p, _, admin := serving(t, func(http.ResponseWriter, *http.Request) {}, "--drain-delay=1h")
	_ = p.Process.Signal(syscall.SIGINT)
	for {
		res, err := http.Get(admin + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode == http.StatusServiceUnavailable {
			break
		}
	}
	_ = p.Process.Signal(syscall.SIGINT)
	var exit *exec.ExitError
	if err := p.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGINT {
		t.Errorf("it ended with %v, want the signal", err)
	}
}
