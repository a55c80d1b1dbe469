package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
	"time"
)

// setup is what a proxy is started with; the templates of configurations see it.
type setup struct {
	Dir       string // for its files
	Port      int
	Instances []string // host:port
	Log       bool     // an access log, to Dir/access.log
	Idle      bool     // connections are idle on purpose
}

// Keep is for how many connections to instances there is room.
func (s setup) Keep() int { return max(512, 2*len(s.Instances)) }

func (s setup) log() string { return filepath.Join(s.Dir, "access.log") }

var (
	//go:embed nginx.conf.tmpl
	nginxConf string
	//go:embed haproxy.cfg.tmpl
	haproxyConf string
	//go:embed wrk.lua.tmpl
	wrkLua string
)

// render writes a configuration and returns where it is.
func render(dir, name, text string, data any) (string, error) {
	t, err := template.New(name).Parse(text)
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, name)
	f, err := os.Create(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return file, t.Execute(f, data)
}

// peers are the proxies, in the order of the tables. Each is started with what command
// returns; its stdout is the access log's file.
var peers = []struct {
	name    string
	command func(b *bench, s setup) ([]string, error)
	version []string // prints it
}{
	{"nginx", startNginx, []string{"nginx", "-v"}},
	{"haproxy", startHAProxy, []string{"haproxy", "-v"}},
	{"ours", startOurs, nil},
}

const ours, baseline = "ours", "nginx"

func proxyNames() []string {
	var names []string
	for _, p := range peers {
		names = append(names, p.name)
	}
	return names
}

func startNginx(_ *bench, s setup) ([]string, error) {
	file, err := render(s.Dir, "nginx.conf", nginxConf, s)
	return []string{"nginx", "-p", s.Dir + "/", "-c", file}, err
}

func startHAProxy(_ *bench, s setup) ([]string, error) {
	file, err := render(s.Dir, "haproxy.cfg", haproxyConf, s)
	return []string{"haproxy", "-db", "-f", file}, err
}

func startOurs(b *bench, s setup) ([]string, error) {
	admin, err := freePort()
	if err != nil {
		return nil, err
	}
	argv := []string{
		b.ours, "--discovery=static", "--instances=" + strings.Join(s.Instances, ","),
		fmt.Sprintf("--listen=127.0.0.1:%d", s.Port), fmt.Sprintf("--admin=127.0.0.1:%d", admin),
	}
	if s.Idle { // else with its defaults
		argv = append(argv, "--header-timeout=10m", "--idle-timeout=10m")
	}
	if b.oursLogs { // an older one has neither option nor log
		argv = append(argv, "--access-log="+map[bool]string{true: "on", false: "off"}[s.Log])
	}
	return argv, nil
}

// canLog says whether the proxy has an access log.
func canLog(proxy string) (bool, error) {
	help, err := exec.Command(proxy, "--help").Output()
	if err != nil {
		return false, fmt.Errorf("%s --help: %w", proxy, err)
	}
	return strings.Contains(string(help), "--access-log"), nil
}

// version of a peer: the first line that it prints.
func version(argv []string) string {
	out, _ := exec.Command(argv[0], argv[1:]...).CombinedOutput() // wrk -v exits with 1
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

// running is a proxy that answers.
type running struct {
	*process
	setup
}

func (r *running) url(path string) string { return fmt.Sprintf("http://127.0.0.1:%d%s", r.Port, path) }

// start runs a peer for a case and waits until it answers a request of the case's as it
// should, to the byte.
func (b *bench) start(ctx context.Context, c *contender, k *benchCase) (*running, error) {
	s := setup{Dir: filepath.Join(b.dir, k.name+"-"+strings.ReplaceAll(c.label(), " ", "-")), Log: k.log, Idle: k.idle}
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return nil, err
	}
	for i := range c.instances {
		s.Instances = append(s.Instances, fmt.Sprintf("127.0.0.%d:%d", 1+i/len(b.ports), b.ports[i%len(b.ports)]))
	}
	var err error
	if s.Port, err = freePort(); err != nil {
		return nil, err
	}
	argv, err := peers[c.peer].command(b, s)
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(s.log(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p, err := startProcess(peers[c.peer].name, b.cores.one, s.Dir, log, argv...)
	if err != nil {
		return nil, err
	}
	r := &running{process: p, setup: s}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for {
		if err = r.check(ctx, k.request); err == nil {
			return r, nil
		}
		select {
		case <-p.ended:
			return nil, fmt.Errorf("%s has ended: %s", p.name, p.complaint())
		case <-ctx.Done():
			r.stop()
			return nil, fmt.Errorf("%s does not answer: %w", p.name, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// check sends a request of a case's, and says what is wrong with the answer.
func (r *running) check(ctx context.Context, q request) error {
	req, err := http.NewRequestWithContext(ctx, q.Method(), r.url(q.Path), strings.NewReader(strings.Repeat("x", q.Body)))
	if err != nil {
		return err
	}
	req.Host = host
	for _, h := range q.Headers {
		req.Header.Set(h[0], h[1])
	}
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode != http.StatusOK:
		return errors.New(resp.Status)
	case n != int64(bodyOf(q.Path)):
		return fmt.Errorf("a body of %d bytes, not %d", n, bodyOf(q.Path))
	case q.Path == "/browser" && resp.Header.Get("Set-Cookie") == "":
		return errors.New("headers are missing")
	}
	return nil
}
