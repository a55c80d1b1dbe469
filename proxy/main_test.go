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

// serving starts a proxy in front of handler and waits until it serves. What it logs
// then comes in lines, until it has ended.
func serving(t *testing.T, handler http.HandlerFunc, args ...string) (p *exec.Cmd, url, admin string, lines *bufio.Scanner) {
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
	lines = bufio.NewScanner(out)
	for lines.Scan() {
		var said struct{ Msg, Listen, Admin string }
		if err := json.Unmarshal(lines.Bytes(), &said); err != nil {
			t.Fatalf("a line that is not JSON: %q", lines.Text())
		}
		if said.Msg == "serving" {
			return p, "http://" + said.Listen, "http://" + said.Admin, lines
		}
	}
	t.Fatal("the proxy ended before it served")
	return nil, "", "", nil
}

func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestTheAccessLog(t *testing.T) {
	for _, on := range []bool{true, false} {
		args := []string{"--drain-delay=0s"}
		if on {
			args = append(args, "--access-log=on")
		}
		p, url, admin, lines := serving(t, func(http.ResponseWriter, *http.Request) {}, args...)
		get(t, url+"/some?path")
		if metrics := get(t, admin+"/metrics"); !strings.Contains(metrics, `proxy_exchanges_total{code="2xx",instance="`) ||
			!strings.Contains(metrics, "proxy_access_log_dropped_lines_total 0") {
			t.Errorf("the metrics do not know of it: %s", metrics)
		}
		_ = p.Process.Signal(syscall.SIGTERM)
		logged := 0
		for lines.Scan() { // the last of it is there when the proxy has ended
			var said struct {
				Msg, Path string
				Status    int
			}
			if err := json.Unmarshal(lines.Bytes(), &said); err != nil {
				t.Fatalf("a line that is not JSON: %q", lines.Text())
			}
			if said.Msg == "exchange" && said.Path == "/some?path" && said.Status == 200 {
				logged++
			}
		}
		if err := p.Wait(); err != nil || on != (logged == 1) {
			t.Errorf("on %v: %d lines; ended with %v", on, logged, err)
		}
	}
}

// Who reads the log may go: the proxy does not.
func TestAReaderOfTheLogThatEnds(t *testing.T) {
	instance := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer instance.Close()
	p := proxy(t, "--listen=127.0.0.1:0", "--admin=127.0.0.1:0", "--discovery=static", "--access-log=on",
		"--drain-delay=0s", "--instances="+instance.Listener.Addr().String())
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.Stdout = w
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	lines := bufio.NewScanner(r)
	lines.Scan()
	var said struct{ Listen, Admin string }
	if err := json.Unmarshal(lines.Bytes(), &said); err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	for strings.Contains(get(t, "http://"+said.Admin+"/metrics"), "proxy_access_log_dropped_lines_total 0") {
		get(t, "http://"+said.Listen)
	}
	_ = p.Process.Signal(syscall.SIGTERM)
	if err := p.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestASignalDrains(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	p, url, admin, _ := serving(t, func(w http.ResponseWriter, _ *http.Request) {
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
	p, _, admin, _ := serving(t, func(http.ResponseWriter, *http.Request) {}, "--drain-delay=1h")
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
