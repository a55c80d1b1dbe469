package edge

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// These tests have Go's own client and server on both sides. Those of other people's
// are in clients_servers_test.go.

// instance is a server of net/http's.
type instance struct {
	addr     string
	accepted atomic.Int64
}

// serve starts an instance.
func serve(t *testing.T, h http.Handler) *instance {
	i := &instance{}
	s := httptest.NewUnstartedServer(h)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			i.accepted.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	i.addr = s.Listener.Addr().String()
	return i
}

// browser is a client of net/http's, with conns connections at most.
func browser(t *testing.T, conns int) *http.Client {
	transport := &http.Transport{
		MaxConnsPerHost:       conns,
		MaxIdleConnsPerHost:   conns,
		DisableCompression:    true,
		ExpectContinueTimeout: time.Hour, // only a 100 that is relayed makes it go on
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// chunked hides a body's length.
type chunked struct{ io.Reader }

// repeat answers with the request's body, and its trailer Sum with one of the same value.
func repeat(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if r.Header.Get("Answer") == "chunked" {
		w.Header().Set("Trailer", "Sum")
		_ = http.NewResponseController(w).Flush()
	} else {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	_, _ = w.Write(body)
	w.Header().Set("Sum", r.Trailer.Get("Sum"))
}

// sizes are those around buffers' ends.
var sizes = []int{
	0, 1, 4095, 4096, 4097, 8191, 8192, 8193, 16<<10 - 1, 16 << 10, 16<<10 + 1,
	32<<10 - 1, 32 << 10, 32<<10 + 1, 64<<10 - 1, 64 << 10, 64<<10 + 1, 1 << 20,
}

func TestBodiesOfAllSizesBothWays(t *testing.T) {
	const conns = 8
	i := serve(t, http.HandlerFunc(repeat))
	p := start(t, bounds{}, i.addr)
	client := browser(t, conns)
	type kind struct {
		method, sent, answer string
		size                 int
	}
	work := make(chan kind)
	var workers sync.WaitGroup
	for range 2 * conns {
		workers.Go(func() {
			for k := range work {
				body := make([]byte, k.size)
				_, _ = rand.NewChaCha8([32]byte{byte(k.size)}).Read(body)
				var r io.Reader = bytes.NewReader(body)
				if k.sent == "chunked" {
					r = chunked{r}
				}
				req, err := http.NewRequest(k.method, "http://"+p.addr+"/", r)
				if err != nil {
					t.Error(err)
					continue
				}
				req.Header.Set("Answer", k.answer)
				sum := ""
				if k.sent == "chunked" {
					sum = fmt.Sprint("sum of ", k.size)
					req.Trailer = http.Header{"Sum": {sum}}
				}
				res, err := client.Do(req)
				if err != nil {
					t.Errorf("%+v: %v", k, err)
					continue
				}
				got, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || res.StatusCode != 200 || !bytes.Equal(got, body) {
					t.Errorf("%+v: got %s, %d bytes, %v", k, res.Status, len(got), err)
				}
				if len(res.TransferEncoding) > 0 != (k.answer == "chunked") {
					t.Errorf("%+v: coding %q", k, res.TransferEncoding)
				}
				if k.answer == "chunked" && res.Trailer.Get("Sum") != sum {
					t.Errorf("%+v: trailers %q, want the sum %q", k, res.Trailer, sum)
				}
			}
		})
	}
	for _, size := range sizes {
		for _, method := range []string{"POST", "PUT"} {
			for _, sent := range []string{"whole", "chunked"} {
				for _, answer := range []string{"whole", "chunked"} {
					work <- kind{method, sent, answer, size}
				}
			}
		}
	}
	close(work)
	workers.Wait()

	_, clients, _ := p.Connections()
	if clients > conns {
		t.Errorf("the clients needed %d connections, want %d at most", clients, conns)
	}
	if n := i.accepted.Load(); n > int64(clients) {
		t.Errorf("the instance had %d connections for %d clients'", n, clients)
	}
}

func TestResponsesWithoutABody(t *testing.T) {
	i := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(r.Header.Get("Answer"))
		if status != 204 && r.Method == "HEAD" {
			w.Header().Set("Content-Length", "1000")
		}
		w.Header().Set("ETag", `"x"`)
		w.WriteHeader(status)
	}))
	p := start(t, bounds{}, i.addr)
	ask := func(c *http.Client, addr, method, status string) string {
		req, err := http.NewRequest(method, "http://"+addr+"/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Answer", status)
		res, err := c.Do(req)
		if err != nil {
			t.Fatalf("%s %s: %v", method, status, err)
		}
		body, err := io.ReadAll(res.Body)
		res.Header.Del("Date")
		return fmt.Sprintf("%s, length %d, %v, body %q, %v", res.Status, res.ContentLength, res.Header, body, err)
	}
	direct, client := browser(t, 1), browser(t, 1)
	for range 3 {
		for _, answer := range []string{"HEAD 200", "HEAD 404", "GET 204", "GET 304", "HEAD 304", "POST 204", "POST 200"} {
			method, status, _ := strings.Cut(answer, " ")
			got, want := ask(client, p.addr, method, status), ask(direct, i.addr, method, status)
			if got != want {
				t.Errorf("%s: got %s; without the proxy %s", answer, got, want)
			}
		}
	}
	if _, n, _ := p.Connections(); n != 1 || i.accepted.Load() != 2 {
		t.Errorf("%d connections, and %d to the instance beside the direct one; want one", n, i.accepted.Load()-1)
	}
}

func TestInterimResponses(t *testing.T) {
	i := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for n := range 5 {
			w.Header().Set("Link", fmt.Sprint("</", n, ">; rel=preload"))
			w.WriteHeader(http.StatusEarlyHints)
		}
		w.Header().Del("Link")
		fmt.Fprint(w, "done")
	}))
	p := start(t, bounds{}, i.addr)
	var hints []string
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(code, header.Get("Link")))
			return nil
		},
	})
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+p.addr+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := browser(t, 1).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || string(body) != "done" || res.Header.Get("Link") != "" {
		t.Errorf("got %s %q, %v", res.Status, body, err)
	}
	if len(hints) != 5 || hints[4] != "103</4>; rel=preload" {
		t.Errorf("got the hints %q", hints)
	}
}

// unread is a body that nobody may ask for.
type unread struct {
	io.Reader
	t *testing.T
}

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the client has sent the body")
	return 0, io.EOF
}

func TestExpectContinue(t *testing.T) {
	i := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(r.Header.Get("Answer"))
		if status == 0 {
			repeat(w, r) // Go's server sends 100 when the body is read
			return
		}
		w.WriteHeader(status)
		fmt.Fprint(w, "enough")
	}))
	p := start(t, bounds{}, i.addr)
	client := browser(t, 4)
	do := func(answer string, body io.Reader) (*http.Response, []byte) {
		t.Helper()
		req, err := http.NewRequest("POST", "http://"+p.addr+"/", body)
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = int64(len(long))
		req.Header.Set("Expect", "100-continue")
		req.Header.Set("Answer", answer)
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		got, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res, got
	}
	for range 3 {
		if res, body := do("", strings.NewReader(long)); res.StatusCode != 200 || string(body) != long {
			t.Errorf("got %s and %d bytes", res.Status, len(body))
		}
		for _, status := range []int{417, 200, 401} {
			if res, body := do(strconv.Itoa(status), unread{t: t}); res.StatusCode != status || string(body) != "enough" {
				t.Errorf("got %s %q, want %d", res.Status, body, status)
			}
		}
	}
}

func TestWhatIsCompressedStaysSo(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	fmt.Fprint(z, long)
	_ = z.Close()
	i := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "gzip" {
			t.Errorf("the instance was asked for %q", r.Header.Get("Accept-Encoding"))
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes())
	}))
	p := start(t, bounds{}, i.addr)
	get := func(c *http.Client, encoding string) []byte {
		req, err := http.NewRequest("GET", "http://"+p.addr+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if encoding != "" {
			req.Header.Set("Accept-Encoding", encoding)
		}
		res, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Error(err)
		}
		return body
	}
	client := browser(t, 1)
	if got := get(client, "gzip"); !bytes.Equal(got, packed.Bytes()) {
		t.Errorf("got %d bytes, want the %d", len(got), packed.Len())
	}
	client.Transport.(*http.Transport).DisableCompression = false
	if got := get(client, ""); string(got) != long {
		t.Errorf("got %d bytes, want the %d", len(got), len(long))
	}
}

func TestLargeHeads(t *testing.T) {
	i := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, values := range r.Header {
			if strings.HasPrefix(name, "X-Large") {
				w.Header()[name] = values
			}
		}
	}))
	p := start(t, bounds{}, i.addr)
	client := browser(t, 2)
	for _, size := range []int{100, 8000, 8192, 16000, 16384, 40000, 60000} {
		for _, fields := range []int{1, 10, 100} {
			req, err := http.NewRequest("GET", "http://"+p.addr+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			for n := range fields {
				req.Header.Set(fmt.Sprint("X-Large-", n), strings.Repeat(string(rune('a'+n%26)), size/fields))
			}
			res, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			for name := range req.Header {
				if res.StatusCode != 200 || res.Header.Get(name) != req.Header.Get(name) {
					t.Errorf("%d bytes in %d fields: got %s, %s of %d bytes", size, fields, res.Status, name, len(res.Header.Get(name)))
				}
			}
		}
	}
}

// Both bodies go on at the same time, a line each in turn.
func TestAConversation(t *testing.T) {
	for _, method := range []string{"POST", "PUT"} { // a PUT's body is held at first
		t.Run(method, func(t *testing.T) {
			i := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				answers := http.NewResponseController(w)
				if err := answers.EnableFullDuplex(); err != nil {
					t.Error(err)
				}
				_ = answers.Flush()
				lines := bufio.NewReader(r.Body)
				for {
					line, err := lines.ReadString('\n')
					if err != nil {
						fmt.Fprint(w, "bye")
						return
					}
					fmt.Fprint(w, "you said ", line)
					_ = answers.Flush()
				}
			}))
			p := start(t, bounds{}, i.addr)
			body, speak := io.Pipe()
			req, err := http.NewRequest(method, "http://"+p.addr+"/", body)
			if err != nil {
				t.Fatal(err)
			}
			res, err := browser(t, 1).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			lines := bufio.NewReader(res.Body)
			for n := range 300 {
				word := strings.Repeat(fmt.Sprint(n, " "), n)
				fmt.Fprintln(speak, word)
				if got, err := lines.ReadString('\n'); err != nil || got != "you said "+word+"\n" {
					t.Fatalf("line %d: got %.40q, %v", n, got, err)
				}
			}
			_ = speak.Close()
			if got, err := io.ReadAll(lines); err != nil || string(got) != "bye" {
				t.Errorf("the end: got %q, %v", got, err)
			}
		})
	}
}

// An upload and a download at the same time, both longer than all buffers on the way.
func TestLongBodiesAtTheSameTime(t *testing.T) {
	const size = 32 << 20
	i := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			t.Error(err)
		}
		if r.ContentLength > 0 {
			w.Header().Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
		}
		_, _ = io.Copy(w, r.Body)
	}))
	p := start(t, bounds{}, i.addr)
	client := browser(t, 2)
	for name, length := range map[string]int64{"of a length": size, "in chunks": -1} {
		t.Run(name, func(t *testing.T) {
			seed := [32]byte{1}
			req, err := http.NewRequest("POST", "http://"+p.addr+"/", chunked{io.LimitReader(rand.NewChaCha8(seed), size)})
			if err != nil {
				t.Fatal(err)
			}
			req.ContentLength = length
			res, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			same(t, res.Body, io.LimitReader(rand.NewChaCha8(seed), size))
		})
	}
}

// same compares two streams.
func same(t *testing.T, got, want io.Reader) {
	a, b := make([]byte, 64<<10), make([]byte, 64<<10)
	for at := 0; ; {
		n, err := io.ReadFull(want, b)
		m, gotErr := io.ReadFull(got, a[:n])
		at += m
		if m < n || !bytes.Equal(a[:m], b[:n]) {
			t.Fatalf("not the same before byte %d: %v", at, gotErr)
		}
		if err != nil {
			break
		}
	}
	if n, err := got.Read(a); n > 0 || err != io.EOF {
		t.Errorf("there is more: %d bytes, %v", n, err)
	}
}

// claims are how many the fleet holds.
func (p *proxy) claims() (n int64) {
	for _, i := range p.fleet.View() {
		n += i.Claims
	}
	return n
}

// webSockets is an instance whose WebSockets answer each message with the same, until
// one says "enough".
func webSockets(t *testing.T) *instance {
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
		if err != nil {
			t.Errorf("the instance: %v", err)
			return
		}
		defer func() { _ = c.CloseNow() }()
		c.SetReadLimit(-1)
		for {
			kind, message, err := c.Read(t.Context())
			switch {
			case err != nil:
				if status := websocket.CloseStatus(err); status != 3000 {
					t.Errorf("the instance: %v", err)
				}
				return
			case string(message) == "enough":
				_ = c.Close(3001, "as you wish")
				return
			}
			if c.Write(t.Context(), kind, message) != nil {
				return
			}
		}
	}))
}

func TestWebSockets(t *testing.T) {
	const many = 12
	i := webSockets(t)
	p := start(t, bounds{}, i.addr)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var opened, ended sync.WaitGroup
	goOn := make(chan struct{})
	opened.Add(many)
	for n := range many {
		ended.Go(func() {
			c, res, err := websocket.Dial(ctx, "ws://"+p.addr+"/chat?n="+strconv.Itoa(n), nil)
			if err != nil {
				t.Error(err)
				opened.Done()
				return
			}
			defer func() { _ = c.CloseNow() }()
			if res.StatusCode != 101 {
				t.Errorf("got %s", res.Status)
			}
			c.SetReadLimit(-1)
			opened.Done()
			<-goOn
			for _, size := range sizes {
				for _, kind := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
					message := []byte(long[:size])
					if kind == websocket.MessageBinary {
						_, _ = rand.NewChaCha8([32]byte{byte(n)}).Read(message)
					}
					go func() { _ = c.Write(ctx, kind, message) }() // both ways at once
					if k, got, err := c.Read(ctx); err != nil || k != kind || !bytes.Equal(got, message) {
						t.Errorf("%d bytes: got %d, %v", size, len(got), err)
						return
					}
				}
			}
			if n%2 == 0 {
				if err := c.Close(3000, "bye"); err != nil {
					t.Errorf("close: %v", err)
				}
				return
			}
			if err := c.Write(ctx, websocket.MessageText, []byte("enough")); err != nil {
				t.Error(err)
			}
			if _, _, err := c.Read(ctx); websocket.CloseStatus(err) != 3001 {
				t.Errorf("the end from the instance: got %v", err)
			}
		})
	}
	opened.Wait()
	if n := p.claims(); n != many {
		t.Errorf("%d claims are held for %d WebSockets", n, many)
	}
	close(goOn)
	ended.Wait()
	until(func() bool { return p.claims() == 0 })
	until(func() bool { open, _, _ := p.Connections(); return open == 0 })
	if n := i.accepted.Load(); n != many {
		t.Errorf("the instance accepted %d connections, want %d", n, many)
	}
}
