//go:build servers

package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// These tests have clients that other people wrote, as they come with Debian.

// program finds an installed program.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is needed: sudo apt-get install %s", name, name)
	}
	return path
}

// patience is for how long a program may run that should end by itself.
const patience = time.Minute

// run runs a program to its end and returns what it prints.
func run(t *testing.T, stdin io.Reader, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, program(t, name), args...)
	var out, log bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = stdin, &out, &log
	if err := c.Run(); err != nil {
		t.Errorf("%s %q: %v\n%s%s", name, args, err, out.String(), log.String())
	}
	return out.String()
}

func curl(t *testing.T, stdin io.Reader, args ...string) string {
	t.Helper()
	// -q: no ~/.curlrc; -g: brackets are what they are; no proxy from the environment.
	return run(t, stdin, "curl", append([]string{"-q", "-sS", "-g", "--noproxy", "*"}, args...)...)
}

func TestCurl(t *testing.T) {
	i := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Got", fmt.Sprint(r.Method, " ", r.RequestURI, " ", r.ContentLength, " ", r.TransferEncoding, " ", r.Header.Get("Expect")))
		repeat(w, r)
	}))
	p := start(t, bounds{}, i.addr)
	url := "http://" + p.addr + "/a%20b?c=d"
	file := filepath.Join(t.TempDir(), "upload")
	body := long + long
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}

	for _, version := range []string{"--http1.1", "--http1.0"} {
		for _, method := range []string{"GET", "DELETE", "OPTIONS", "PATCH", "FROB"} {
			got := curl(t, nil, version, "-i", "-X", method, url)
			if want := "Got: " + method + " /a%20b?c=d 0 []\r\n"; !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") || !strings.Contains(got, want) {
				t.Errorf("%s %s: got %q, want %q", version, method, got, want)
			}
		}
		if got := curl(t, nil, version, "-I", url); !strings.Contains(got, "Got: HEAD ") {
			t.Errorf("%s HEAD: got %q", version, got)
		}
		if got := curl(t, nil, version, "--data-binary", "@"+file, url); got != body {
			t.Errorf("%s upload: got %d bytes back", version, len(got))
		}
		if got := curl(t, nil, version, "-H", "Answer: chunked", "-T", file, url); got != body {
			t.Errorf("%s upload and an answer in chunks: got %d bytes back", version, len(got))
		}
	}

	t.Run("an upload that waits for 100", func(t *testing.T) {
		// curl asks for it by itself when the body is longer than 1 MiB.
		got := curl(t, nil, "--http1.1", "--expect100-timeout", "600", "-D", "-", "-o", os.DevNull, "-T", file, url)
		if want := fmt.Sprintf("Got: PUT /a%%20b?c=d %d [] 100-continue\r\n", len(body)); !strings.HasPrefix(got, "HTTP/1.1 100 Continue\r\n\r\n") || !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
	t.Run("an upload in chunks", func(t *testing.T) {
		head := filepath.Join(t.TempDir(), "head")
		got := curl(t, strings.NewReader(body), "--http1.1", "-D", head, "-H", "Transfer-Encoding: chunked", "-T", "-", url)
		if got != body {
			t.Errorf("got %d bytes back", len(got))
		}
		if b, err := os.ReadFile(head); err != nil || !bytes.Contains(b, []byte(" -1 [chunked] ")) {
			t.Errorf("got %q, %v", b, err)
		}
	})
	t.Run("one connection for many requests", func(t *testing.T) {
		args := []string{"--http1.1", "-w", "%{num_connects} "}
		for range 5 {
			args = append(args, "-o", os.DevNull, url)
		}
		if got := curl(t, nil, args...); got != "1 0 0 0 0 " {
			t.Errorf("connections made: %s", got)
		}
	})
}

func TestCurlGetsTrailers(t *testing.T) {
	i := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "Sum")
		fmt.Fprint(w, long)
		w.Header().Set("Sum", "42")
	}))
	p := start(t, bounds{}, i.addr)
	got := curl(t, nil, "--http1.1", "-D", "-", "-o", os.DevNull, "http://"+p.addr+"/")
	if _, trailers, _ := strings.Cut(got, "\r\n\r\n"); trailers != "Sum: 42\r\n" {
		t.Errorf("got %q", got)
	}
}

func TestWrk(t *testing.T) {
	var asked atomic.Int64
	i := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		fmt.Fprint(w, "some text")
	}))
	p := start(t, bounds{quiet: true}, i.addr)
	script := filepath.Join(t.TempDir(), "pipeline.lua")
	const pipeline = `
init = function(args)
  local all = {}
  for i = 1, 10 do all[i] = wrk.format("GET", "/" .. i) end
  requests = table.concat(all)
end
request = function() return requests end
`
	if err := os.WriteFile(script, []byte(pipeline), 0o600); err != nil {
		t.Fatal(err)
	}
	const conns = 8
	for name, args := range map[string][]string{"one at a time": nil, "ten in one write": {"-s", script}} {
		t.Run(name, func(t *testing.T) {
			before := asked.Load()
			_, connected, _ := p.Connections()
			out := run(t, nil, "wrk", append(args, "-t1", "-d1s", fmt.Sprint("-c", conns), "http://"+p.addr+"/")...)
			for _, bad := range []string{"Socket errors", "Non-2xx"} {
				if strings.Contains(out, bad) {
					t.Errorf("wrk says:\n%s", out)
				}
			}
			var requests int64
			if m := regexp.MustCompile(`(\d+) requests in`).FindStringSubmatch(out); m != nil {
				_, _ = fmt.Sscan(m[1], &requests)
			}
			if served := asked.Load() - before; requests < 100 || served < requests {
				t.Errorf("%d requests were made of which %d were served:\n%s", requests, served, out)
			}
			// One connection more: wrk tries the address before it begins.
			if _, now, _ := p.Connections(); now-connected > conns+1 {
				t.Errorf("wrk needed %d connections for %d", now-connected, conns)
			}
		})
	}
}

// page has what browsers do: pictures, scripts and sheets from one host at once, a POST,
// one of its answers as a stream, and a WebSocket. It reports by another POST.
const page = `<!DOCTYPE html><title>page</title>
<script>
const said = {errors: []};
addEventListener("error", e => said.errors.push("" + (e.message || e.target.src || e.target.href)), true);
</script>
%s
<script>
async function all() {
  const body = "x".repeat(300000);
  said.posted = await (await fetch("/echo", {method: "POST", body})).text() === body;
  const reader = (await fetch("/stream")).body.getReader();
  said.streamed = 0;
  for (;;) {
    const {done, value} = await reader.read();
    if (done) break;
    said.streamed += value.length;
  }
  said.socket = await new Promise((resolve, reject) => {
    const s = new WebSocket("ws://" + location.host + "/socket");
    s.onopen = () => s.send("hello");
    s.onmessage = e => { s.close(3000); resolve(e.data); };
    s.onerror = () => reject("the WebSocket failed");
  });
}
addEventListener("load", () => all().catch(e => said.errors.push("" + e)).finally(() => {
  said.pictures = [...document.images].filter(i => i.naturalWidth === 1).length;
  said.scripts = window.scripts;
  fetch("/result", {method: "POST", body: JSON.stringify(said)});
}));
</script>
`

const picture = `<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>`

func TestChromium(t *testing.T) {
	const each = 10 // pictures and scripts
	var parts strings.Builder
	for n := range each {
		fmt.Fprintf(&parts, "<img src='/picture?%d'><script src='/script?%d'></script>\n", n, n)
	}
	results := make(chan []byte, 1)
	var once sync.Once
	mux := http.NewServeMux()
	mux.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, page, &parts)
	})
	mux.HandleFunc("/picture", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/svg+xml")
		fmt.Fprint(w, picture)
	})
	mux.HandleFunc("/script", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprintf(w, "window.scripts = (window.scripts || 0) + 1; // %s", long[:20000])
	})
	mux.HandleFunc("/echo", repeat)
	mux.HandleFunc("/stream", func(w http.ResponseWriter, _ *http.Request) {
		for range 10 {
			fmt.Fprint(w, long[:1000])
			_ = http.NewResponseController(w).Flush()
		}
	})
	mux.HandleFunc("/socket", func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Errorf("the instance: %v", err)
			return
		}
		defer func() { _ = c.CloseNow() }()
		kind, message, err := c.Read(r.Context())
		if err == nil {
			_ = c.Write(r.Context(), kind, append([]byte("echo of "), message...))
			_, _, _ = c.Read(r.Context())
		}
	})
	mux.HandleFunc("/result", func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		once.Do(func() { results <- b })
	})
	i := serve(t, mux)
	p := start(t, bounds{}, i.addr)

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, program(t, "chromium"), "--headless=new", "--no-sandbox", "--disable-gpu",
		"--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server", "--disable-background-networking",
		"--user-data-dir="+t.TempDir(), "--remote-debugging-port=0", "http://"+p.addr+"/")
	var log bytes.Buffer
	c.Stdout, c.Stderr = &log, &log
	c.WaitDelay = 10 * time.Second                      // if one of them holds on to its output
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it is many processes
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	var result []byte
	select {
	case result = <-results:
		cancel()
		<-ended
	case err := <-ended:
		t.Fatalf("Chromium has ended: %v, %v\n%s", err, ctx.Err(), log.String())
	}
	var said struct {
		Errors            []string
		Posted            bool
		Streamed          int
		Socket            string
		Pictures, Scripts int
	}
	if err := json.Unmarshal(result, &said); err != nil {
		t.Fatalf("%q: %v", result, err)
	}
	if len(said.Errors) > 0 || !said.Posted || said.Streamed != 10000 || said.Socket != "echo of hello" || said.Pictures != each || said.Scripts != each {
		t.Errorf("the page says %+v", said)
	}
	// Browsers open six connections to a host, one for each WebSocket, and some in advance.
	if _, n, _ := p.Connections(); n > 16 {
		t.Errorf("Chromium needed %d connections", n)
	}
}
