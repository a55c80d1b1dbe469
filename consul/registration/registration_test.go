package registration

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
)

var service = Service{Service: "apps", Name: "worker-1", Port: 8000, Admin: "127.0.0.1:8001"}

// fakeAgent writes down what it is asked and answers all with one status.
type fakeAgent struct {
	status int
	mu     sync.Mutex
	asked  []string
}

func (f *fakeAgent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, r.Method+" "+r.URL.Path)
	w.WriteHeader(f.status)
}

func connect(t *testing.T, addr string) *api.Client {
	t.Helper()
	conf := &api.Config{Address: addr, Transport: api.DefaultConfig().Transport}
	client, err := api.NewClient(conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conf.Transport.CloseIdleConnections)
	return client
}

// idle is a registration that does nothing by itself.
func idle(t *testing.T, addr string) *Registration {
	return &Registration{agent: connect(t, addr).Agent(), service: service, log: slog.New(slog.DiscardHandler), cancel: func() {}}
}

func TestWhatTheAgentIsAsked(t *testing.T) {
	const (
		get        = "GET /v1/agent/service/apps-worker-1-8000"
		register   = "PUT /v1/agent/service/register"
		leave      = "PUT /v1/agent/service/maintenance/apps-worker-1-8000"
		deregister = "PUT /v1/agent/service/deregister/apps-worker-1-8000"
	)
	cases := []struct {
		name   string
		status int
		do     func(*Registration, context.Context) error
		want   []string
		fails  bool
	}{
		{"it registers at first", 200, func(r *Registration, ctx context.Context) error { return r.ensure(ctx, true) }, []string{register}, false},
		{"the agent refuses", 403, func(r *Registration, ctx context.Context) error { return r.ensure(ctx, true) }, []string{register}, true},
		{"later it asks", 500, func(r *Registration, ctx context.Context) error { return r.ensure(ctx, false) }, []string{get}, true},
		{"and registers what is missing", 404, func(r *Registration, ctx context.Context) error { return r.ensure(ctx, false) }, []string{get, register}, true},
		{"it leaves", 200, (*Registration).Leave, []string{leave}, false},
		{"it leaves what is not there", 404, (*Registration).Leave, []string{leave}, false},
		{"it cannot leave", 500, (*Registration).Leave, []string{leave}, true},
		{"it deregisters", 200, (*Registration).Deregister, []string{deregister}, false},
		{"it deregisters what is not there", 404, (*Registration).Deregister, []string{deregister}, false},
		{"it cannot deregister", 500, (*Registration).Deregister, []string{deregister}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			agent := &fakeAgent{status: c.status}
			server := httptest.NewServer(agent)
			defer server.Close()
			err := c.do(idle(t, server.Listener.Addr().String()), t.Context())
			if (err != nil) != c.fails {
				t.Errorf("error is %v", err)
			}
			if !slices.Equal(agent.asked, c.want) {
				t.Errorf("asked %q, want %q", agent.asked, c.want)
			}
		})
	}
}

func TestAConsulThatDoesNotAnswerHoldsNothingUp(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // the kernel accepts, nobody answers
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	r := Start(connect(t, listener.Addr().String()), service, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := r.Leave(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("leave: %v", err)
	}
	if err := r.Deregister(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("deregister: %v", err)
	}
	r.Stop()
	r.Stop()
	if took := time.Since(began); took > callTimeout {
		t.Errorf("it took %v", took)
	}
}

func TestWhereTheAgentReachesAListener(t *testing.T) {
	for listen, want := range map[string]string{
		"127.0.0.1:8001": "127.0.0.1:8001", "0.0.0.0:8001": "127.0.0.1:8001", "[::]:8001": "127.0.0.1:8001",
		"[::1]:8001": "[::1]:8001", "10.0.0.1:8001": "10.0.0.1:8001",
	} {
		addr, err := net.ResolveTCPAddr("tcp", listen)
		if err != nil {
			t.Fatal(err)
		}
		if got := Reachable(addr); got != want {
			t.Errorf("%s is reached at %s, want %s", listen, got, want)
		}
	}
}
