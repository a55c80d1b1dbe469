package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"formation/worker/config"
)

// worker is one that runs in this process.
type worker struct {
	app, admin string // "host:port"
	signals    chan os.Signal
	ended      chan struct{} // closed when it has ended
	err        error         // what serve returned
}

// logLines hands over the lines of a log; slog writes each at once.
type logLines struct {
	mu    sync.Mutex
	lines chan map[string]any // nil once nobody listens
	all   bytes.Buffer
}

func (l *logLines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all.Write(line)
	var fields map[string]any
	if err := json.Unmarshal(line, &fields); err != nil {
		return 0, err
	}
	if fields["msg"] == "serving" {
		l.lines <- fields
	}
	return len(line), nil
}

// start runs `worker serve` with the options, on free ports, until it has ended or the
// test does.
func start(t *testing.T, args ...string) *worker {
	t.Helper()
	args = append([]string{"serve", "--listen=127.0.0.1:0", "--admin=127.0.0.1:0", "--name=worker-1"}, args...)
	c, err := config.Parse(args, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{signals: make(chan os.Signal, 2), ended: make(chan struct{})}
	log := &logLines{lines: make(chan map[string]any, 1)}
	go func() {
		defer close(w.ended)
		w.err = serve(*c.(*config.Serve), w.signals, slog.New(slog.NewJSONHandler(log, nil)))
	}()
	t.Cleanup(func() {
		w.stop(t)
		if t.Failed() {
			log.mu.Lock()
			t.Logf("the worker's log:\n%s", &log.all)
			log.mu.Unlock()
		}
	})
	select {
	case line := <-log.lines:
		w.app, w.admin = line["listen"].(string), line["admin"].(string)
	case <-w.ended:
		t.Fatalf("it does not serve: %v", w.err)
	}
	return w
}

// stop ends it at once, unless it has ended.
func (w *worker) stop(t *testing.T) {
	for range 2 {
		select {
		case w.signals <- syscall.SIGTERM:
		case <-w.ended:
		}
	}
	w.await(t)
}

// await waits for the end and returns what serve returned.
func (w *worker) await(t *testing.T) error {
	t.Helper()
	select {
	case <-w.ended:
	case <-time.After(time.Minute):
		t.Error("it does not end")
	}
	return w.err
}

// answer is a response, read.
type answer struct {
	status string
	text   string
	header http.Header
	close  bool
}

// client is one that keeps its connections until the test ends.
func client(t *testing.T) *http.Client {
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 30 * time.Second}
}

func get(t *testing.T, c *http.Client, addr, path string) answer {
	t.Helper()
	response, err := c.Get("http://" + addr + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{status: response.Status[:3], text: string(text), header: response.Header, close: response.Close}
}

// refusing is an address at which nobody listens.
func refusing(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func TestWithoutRedisItIsAliveAndReadyAndSaysTryAgain(t *testing.T) {
	w := start(t, "--redis=redis://"+refusing(t))
	c := client(t)
	if a := get(t, c, w.app, "/"); a.status != "503" || a.header.Get("Retry-After") != "1" {
		t.Errorf("/ is %s with Retry-After %q", a.status, a.header.Get("Retry-After"))
	}
	for path, want := range map[string]string{"/healthz": "alive\n", "/readyz": "ready\n"} {
		if a := get(t, c, w.admin, path); a.status != "200" || a.text != want {
			t.Errorf("%s is %s %q", path, a.status, a.text)
		}
		if a := get(t, c, w.app, path); a.status != "404" {
			t.Errorf("%s of the app's own port is %s", path, a.status)
		}
	}
	metrics := get(t, c, w.admin, "/metrics").text
	for _, want := range []string{
		"worker_redis_up 0\n", `worker_hits_refused_total{reason="redis"} 1`, "worker_hits_answered_total 0\n",
		"worker_hit_batch_size_count 1\n", "go_goroutines", "process_cpu_seconds_total",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("%q is missing in the metrics:\n%s", want, metrics)
		}
	}
}

func TestDuringTheDelayItServesButIsNotReady(t *testing.T) {
	w := start(t, "--redis=redis://"+refusing(t), "--drain-delay=1h")
	app, admin := client(t), client(t)
	if a := get(t, app, w.app, "/"); a.close {
		t.Error("the connection is closed before it drains")
	}
	w.signals <- syscall.SIGTERM
	for get(t, admin, w.admin, "/readyz").status != "503" { // until the signal has arrived
	}
	if a := get(t, admin, w.admin, "/healthz"); a.status != "200" {
		t.Errorf("/healthz is %s", a.status)
	}
	if a := get(t, app, w.app, "/"); a.status != "503" || !a.close { // there is no Redis
		t.Errorf("/ is %s, close %v", a.status, a.close)
	}
	if a := get(t, app, w.app, "/"); a.status != "503" {
		t.Errorf("on a new connection / is %s", a.status)
	}
	w.signals <- syscall.SIGINT
	if err := w.await(t); !errors.Is(err, errSecondSignal) {
		t.Errorf("after a second signal serve returns %v", err)
	}
}

func TestWhatRunsWhenItDrainsIsAnswered(t *testing.T) {
	w := start(t, "--redis=redis://"+refusing(t), "--drain-delay=0s", "--drain-timeout=1m")
	c, err := net.Dial("tcp", w.app)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	_, _ = fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
	if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatalf("got %q (%v), want that it waits for the body", line, err)
	}
	_, _ = in.ReadString('\n')

	w.signals <- syscall.SIGTERM
	for { // until it does not listen any more
		probe, err := net.Dial("tcp", w.app)
		if err != nil {
			break
		}
		_ = probe.Close()
	}
	_, _ = fmt.Fprint(c, "ab")
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusServiceUnavailable || !response.Close { // there is no Redis
		t.Errorf("got %s, close %v", response.Status, response.Close)
	}
	if err := w.await(t); err != nil {
		t.Errorf("serve returns %v", err)
	}
}

func TestWhatDoesNotEndIsCutOff(t *testing.T) {
	w := start(t, "--redis=redis://"+refusing(t), "--drain-delay=0s", "--drain-timeout=10ms")
	c, err := net.Dial("tcp", w.app)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: app\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	w.signals <- syscall.SIGTERM
	if err := w.await(t); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("serve returns %v", err)
	}
}
