//go:build servers

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// rate is the load's, in requests a second, GET and POST in turn.
const rate = 500

var greeting = regexp.MustCompile(`^Hello World I am (worker-[0-9a-f]{8})! ([0-9]+) times\.\n$`)

// load is a constant load on one edge.
type load struct {
	url    string
	client *http.Client
	began  time.Time
	ended  time.Time
	end    context.CancelFunc
	all    sync.WaitGroup

	mu       sync.Mutex
	sent     map[string]int // by method
	failed   map[string]int
	failures []string // the first few, told
}

// startLoad sends requests at the rate, whatever becomes of them, until stop.
func startLoad(t *testing.T, e edge) *load {
	ctx, end := context.WithCancel(context.Background())
	l := &load{
		began: time.Now(),
		url:   e.url, end: end, sent: map[string]int{}, failed: map[string]int{},
		client: &http.Client{
			Timeout:   10 * time.Second,
			Transport: &http.Transport{MaxIdleConns: rate, MaxIdleConnsPerHost: rate},
		},
	}
	l.all.Go(func() {
		tick := time.NewTicker(time.Second / rate)
		defer tick.Stop()
		for n := 0; ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			// A ticker drops ticks on a busy machine: what is due is counted by time.
			for due := int(time.Since(l.began).Seconds() * rate); n < due; n++ {
				method := []string{http.MethodGet, http.MethodPost}[n%2]
				l.all.Go(func() { l.note(method, l.request(method)) })
			}
		}
	})
	t.Cleanup(l.stop)
	return l
}

func (l *load) request(method string) error {
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader("a form")
	}
	// net/http sends a GET again by itself when its connection breaks: a request that
	// needed a second connection has failed on the first.
	var connections atomic.Int32
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connections.Add(1) },
	})
	req, err := http.NewRequestWithContext(ctx, method, l.url, body)
	if err != nil {
		return err
	}
	res, err := l.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if n := connections.Load(); n != 1 {
		return fmt.Errorf("it took %d connections", n)
	}
	if res.StatusCode != http.StatusOK || !greeting.Match(text) {
		return fmt.Errorf("%s: %q", res.Status, text)
	}
	return nil
}

func (l *load) note(method string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[method]++
	if err != nil {
		l.failed[method]++
		if len(l.failures) < 10 {
			l.failures = append(l.failures, fmt.Sprintf("%s %s: %v", time.Now().Format("15:04:05.000"), method, err))
		}
	}
}

// requests is how many have ended so far.
func (l *load) requests() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent["GET"] + l.sent["POST"]
}

// stop ends the load and waits for what is under way.
func (l *load) stop() {
	l.end()
	l.all.Wait()
	if l.ended.IsZero() {
		l.ended = time.Now()
	}
	l.client.CloseIdleConnections()
}

// expect stops the load and checks how many requests failed; it prints the figure.
func (l *load) expect(t *testing.T, what string, mostPOST int) {
	t.Helper()
	l.stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	took := l.ended.Sub(l.began).Seconds()
	reached := float64(l.sent["GET"]+l.sent["POST"]) / took
	t.Logf("FIGURE %s: %d GET and %d POST sent at %.0f/s, %d GET and %d POST failed", what,
		l.sent["GET"], l.sent["POST"], reached, l.failed["GET"], l.failed["POST"])
	if reached < rate/2 {
		t.Errorf("%.0f requests/s prove nothing about %d", reached, rate)
	}
	if l.failed["GET"] > 0 || l.failed["POST"] > mostPOST {
		t.Errorf("failed: %v, want no GET and at most %d POST; the first:\n%s", l.failed, mostPOST, strings.Join(l.failures, "\n"))
	}
}
