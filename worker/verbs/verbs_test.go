package verbs

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"formation/worker/config"
	"formation/worker/queue"
)

// do carries out a command line, and returns what it prints and its error.
func do(t *testing.T, args ...string) (string, error) {
	t.Helper()
	c, err := config.Parse(args, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err = Run(t.Context(), c, Streams{Out: &out, Err: t.Output()})
	return out.String(), err
}

// silent listens and never answers.
func silent(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

// consul answers all questions as an agent does that knows these instances of a service.
func consul(t *testing.T, list string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("wait") != "" && r.URL.Query().Get("index") != "0" { // until there is news: never
			<-r.Context().Done()
			return
		}
		w.Header().Set("X-Consul-Index", "7")
		w.Header().Set("X-Consul-LastContact", "0")
		w.Header().Set("X-Consul-KnownLeader", "true")
		_, _ = io.WriteString(w, list)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestEveryCommandSaysThatRedisIsAway(t *testing.T) {
	addr := silent(t)
	for _, line := range []string{"enqueue noop 1", "queues", "queues --json", "queues pause a", "queues resume a", "failed list",
		"failed list --json", "failed show i", "failed retry i", "failed retry --all", "failed discard i", "failed discard --all",
		"result i", "result i --wait 1h", "mapreduce --input a", "mapreduce --input a --detach", "mapreduce status", "mapreduce status a",
		"mapreduce attach a", "mapreduce cancel a"} {
		for at, want := range map[string][]string{
			"--redis-timeout=50ms --redis=redis://" + addr:      {"--redis: redis://" + addr, "did not answer within --redis-timeout, 50ms"},
			"--redis-timeout=10s --redis=redis://127.0.0.1:1/3": {"--redis: redis://127.0.0.1:1/3", "connection refused"},
		} {
			_, err := do(t, strings.Fields(line+" "+at)...)
			for _, want := range want {
				if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%s: error is %v, want %s", line, err, want)
				}
			}
		}
	}
}

func TestRedisIsNotFoundThroughConsul(t *testing.T) {
	cases := []struct{ name, consul, want string }{
		{"no consul", "127.0.0.1:1", "ask consul: dial tcp 127.0.0.1:1: connect: connection refused"},
		{"a consul that does not answer", silent(t), "consul did not answer"},
		{"no instance", consul(t, "[]"), `consul lists no instance of "redis" that is ready`},
		{"none that is ready", consul(t, `[{"Node": {"Node": "n", "Address": "127.0.0.1"},
			"Service": {"ID": "redis-1", "Address": "127.0.0.1", "Port": 1}, "Checks": [{"CheckID": "alive", "Status": "critical"}]}]`),
			`consul lists no instance of "redis" that is ready`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := do(t, "queues", "--redis=consul://redis", "--consul-addr="+c.consul, "--redis-timeout=200ms")
			want := "--redis: consul://redis/0 is not found within --redis-timeout, 200ms: " + c.want
			if err == nil || err.Error() != want {
				t.Errorf("error is %v, want %s", err, want)
			}
		})
	}
	t.Run("one that is ready and away", func(t *testing.T) {
		_, err := do(t, "queues", "--redis=consul://redis", "--consul-addr="+consul(t, `[{"Node": {"Node": "n", "Address": "127.0.0.1"},
			"Service": {"ID": "redis-1", "Address": "127.0.0.1", "Port": 1}}]`), "--redis-timeout=5s")
		if err == nil || !strings.Contains(err.Error(), "dial tcp 127.0.0.1:1: connect: connection refused") {
			t.Errorf("error is %v", err)
		}
	})
}

func TestHowFar(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	broken := &net.OpError{Op: "read", Err: syscall.ECONNRESET}
	cases := []struct {
		done  int64
		batch int
		err   error
		want  string
	}{
		{0, 1, refused, "0 jobs enqueued, then: "},
		{1, 1000, fmt.Errorf("connect: %w", refused), "1 job enqueued, then: connect: "},
		{2000, 500, broken, "2000 jobs enqueued, and perhaps 500 more, then: "},
		{2000, 500, reply("OOM"), "2000 jobs enqueued, then: OOM"},
		{2000, 500, queue.ErrFull, "2000 jobs enqueued, then: the queue is full, see --max-queued"},
		{2000, 0, errors.New("line 7"), "2000 jobs enqueued, then: line 7"},
	}
	for _, c := range cases {
		if got := howFar(c.done, c.batch, c.err).Error(); !strings.HasPrefix(got, c.want) {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}

// reply is an error that Redis answered.
type reply string

func (r reply) Error() string { return string(r) }
func (reply) RedisError()     {}

// told has an item for each line that is written.
type told chan string

func (l told) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}

func TestProgressIsToldNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said := make(told, 10)
		p := newProgress(session{Streams: Streams{Err: said}})
		says := func(want string) {
			t.Helper()
			began := time.Now()
			if got := <-said; got != want || time.Since(began) > progressEvery {
				t.Errorf("after %v it says %q, want %q", time.Since(began), got, want)
			}
		}
		silent := func(steps int) { // and half a one, so that the next is ahead
			t.Helper()
			select {
			case got := <-said:
				t.Errorf("it says %q, want nothing", got)
			case <-time.After(time.Duration(steps)*progressEvery + progressEvery/2):
			}
		}
		says("worker: nothing is enqueued yet; payloads are expected on standard input, one a line\n")
		silent(1)
		p.set(1)
		says("worker: 1 job enqueued so far\n")
		silent(3)
		p.set(2500)
		says("worker: 2500 jobs enqueued so far\n")
		p.stop()
		p.stop()
		p.set(5000)
		silent(2)
	})
}
