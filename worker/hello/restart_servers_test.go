//go:build servers

package hello

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"formation/worker/redisclient/redistest"
)

// tally is what the clients have seen so far.
type tally struct {
	mu       sync.Mutex
	changed  sync.Cond
	answered map[int64]int // how often each number was answered
	total    int           // answers with a number
	refused  int           // answers without
	slowest  time.Duration
}

func newTally() *tally {
	seen := &tally{answered: make(map[int64]int)}
	seen.changed.L = &seen.mu
	return seen
}

// note takes an answer; n is 0 where it had no number.
func (y *tally) note(n int64, took time.Duration) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if n == 0 {
		y.refused++
	} else {
		y.answered[n]++
		y.total++
	}
	y.slowest = max(y.slowest, took)
	y.changed.Broadcast()
}

// await returns when that many more answers with and without a number were seen.
func (y *tally) await(answered, refused int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	answered, refused = answered+y.total, refused+y.refused
	for y.total < answered || y.refused < refused {
		y.changed.Wait()
	}
}

// TestNoNumberIsAnsweredTwiceWhileRedisIsKilledAndStarted is the proof of what Counter
// promises, with real connections on both sides: 64 clients, 4 workers.
func TestNoNumberIsAnsweredTwiceWhileRedisIsKilledAndStarted(t *testing.T) {
	const workers, clients, kills, timeout = 4, 64, 8, time.Second
	server := redistest.New(t)
	var urls []string
	for i := range workers {
		client := open(t, server.Addr, timeout)
		metrics := NewMetrics(prometheus.NewRegistry())
		counter := NewCounter(InRedis(client.Client), timeout, metrics, slog.New(slog.DiscardHandler))
		worker := httptest.NewServer(NewApp(fmt.Sprint("worker-", i), counter, metrics))
		defer worker.Close()
		urls = append(urls, worker.URL)
	}

	seen := newTally()
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	// Whoever is not answered in time fails. A hit takes one timeout at most
	// (TestNobodyWaitsBeyondTheTimeoutWhileRedisHangs is exact); a busy machine adds to it.
	browser := &http.Client{Transport: transport, Timeout: 20 * timeout}
	var stop atomic.Bool
	var running sync.WaitGroup
	defer running.Wait()
	defer stop.Store(true)
	for i := range clients {
		running.Go(func() {
			for next := i; !stop.Load(); next++ {
				began := time.Now()
				n, err := hit(browser, urls[next%workers])
				if err != nil {
					t.Error(err)
				}
				seen.note(n, time.Since(began))
			}
		})
	}
	for range kills {
		seen.await(500, 0)
		server.Kill()
		seen.await(0, clients)
		server.Start(t)
	}
	seen.await(500, 0)
	stop.Store(true)
	running.Wait()

	client := open(t, server.Addr, timeout)
	counted, err := client.Get(t.Context(), hitsKey).Int64()
	if err != nil {
		t.Fatal(err)
	}
	for n, times := range seen.answered {
		if times > 1 || n < 1 || n > counted {
			t.Errorf("%d was answered %d times, %d were counted", n, times, counted)
		}
	}
	gaps := int(counted) - len(seen.answered)
	if gaps > seen.refused {
		t.Errorf("%d numbers are missing, more than the %d hits without an answer", gaps, seen.refused)
	}
	t.Logf("%d kills: %d hits answered, %d refused, %d numbers missing, slowest answer %v",
		kills, seen.total, seen.refused, gaps, seen.slowest)
}

// hit returns a hit's number, 0 where the answer was that it cannot be counted.
func hit(client *http.Client, url string) (int64, error) {
	answer, err := client.Post(url, "text/plain", nil)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err
	}
	if answer.StatusCode == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") == "1" {
		return 0, nil
	}
	var worker, n int64
	if _, err := fmt.Sscanf(string(text), "Hello World I am worker-%d! %d times.\n", &worker, &n); err != nil {
		return 0, fmt.Errorf("%s %q: %w", answer.Status, text, err)
	}
	return n, nil
}
