package discovery

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
)

// fakeConsul answers questions for the service apps by a script. It needs no network,
// so it works under synctest. A question that the script does not have fails the test.
type fakeConsul struct {
	t  *testing.T
	mu sync.Mutex

	script []step
	asked  []time.Time
}

// step is one question and its answer.
type step struct {
	index uint64        // that is asked with
	after time.Duration // how long Consul takes
	reply reply
	times int // how often; 0 is once
}

// reply is Consul's answer, or none.
type reply struct {
	status   int // 0 is 200
	body     string
	reader   io.Reader // in place of body
	index    uint64
	noLeader bool
	header   map[string]string
	fails    error // the connection does
	hangs    bool  // until the question's context ends
}

func (f *fakeConsul) client() *api.Client {
	f.t.Helper()
	client, err := newClient(&api.Config{Address: "consul.example", HttpClient: &http.Client{Transport: f}}, testBody)
	if err != nil {
		f.t.Fatal(err)
	}
	return client
}

func (f *fakeConsul) watch() Watch {
	return Watch{Client: f.client(), Service: "apps", Hold: hold}
}

func (f *fakeConsul) RoundTrip(r *http.Request) (*http.Response, error) {
	s := f.take(r)
	if !sleep(r.Context(), s.after) {
		return nil, r.Context().Err()
	}
	if s.reply.hangs {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if s.reply.fails != nil {
		return nil, s.reply.fails
	}
	resp := &http.Response{StatusCode: max(s.reply.status, 200), Header: http.Header{}, Request: r}
	resp.Body = io.NopCloser(strings.NewReader(s.reply.body))
	if s.reply.reader != nil {
		resp.Body = io.NopCloser(s.reply.reader)
	}
	resp.Header.Set("X-Consul-Index", strconv.FormatUint(s.reply.index, 10))
	resp.Header.Set("X-Consul-LastContact", "0")
	resp.Header.Set("X-Consul-KnownLeader", strconv.FormatBool(!s.reply.noLeader))
	resp.Header.Set("X-Consul-Query-Backend", "blocking-query")
	for key, value := range s.reply.header {
		resp.Header.Set(key, value)
	}
	return resp, nil
}

func (f *fakeConsul) take(r *http.Request) step {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, time.Now())
	q := r.URL.Query()
	index, _ := strconv.ParseUint(q.Get("index"), 10, 64)
	wait := ""
	if index > 0 {
		wait = "50000ms"
	}
	if r.Method != "GET" || r.URL.Path != "/v1/health/service/apps" || !q.Has("stale") || q.Has("passing") || q.Get("wait") != wait {
		f.t.Errorf("a question that is not to be asked: %s %s", r.Method, r.URL)
	}
	if len(f.script) == 0 {
		f.t.Errorf("a question too many: %s", r.URL)
		return step{reply: reply{hangs: true}}
	}
	s := f.script[0]
	if s.times--; s.times == 0 || s.times == -1 {
		f.script = f.script[1:]
	} else {
		f.script[0] = s
	}
	if index != s.index {
		f.t.Errorf("asked with index %d, want %d", index, s.index)
	}
	return s
}

func (f *fakeConsul) questions() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.asked)
}

const forEver = -2 // for step.times

// quiet is Consul without a change from now on.
func quiet(index uint64, text string) step {
	return step{index: index, after: 50 * time.Second, reply: lists(index, text), times: forEver}
}

// lists is an answer that lists instances as [listings] writes them.
func lists(index uint64, text string) reply {
	entries := []*api.ServiceEntry{}
	for _, l := range listings(text) {
		host, port, _ := strings.Cut(l.Addr, ":")
		n, _ := strconv.Atoi(port)
		e := &api.ServiceEntry{
			Node:    &api.Node{Node: "n"},
			Service: &api.AgentService{ID: l.ID, Address: host, Port: n, Weights: api.AgentWeights{Passing: 1, Warning: 1}},
			Checks:  api.HealthChecks{{ServiceID: l.ID, CheckID: "ready", Status: "passing"}},
		}
		if !l.Ready {
			e.Checks[0].Status = "critical"
		}
		if l.maintenance {
			e.Checks[0].CheckID = "_service_maintenance:" + l.ID
		}
		entries = append(entries, e)
	}
	body, err := json.Marshal(entries)
	if err != nil {
		panic(fmt.Sprint("marshal entries: ", err))
	}
	return reply{body: string(body), index: index}
}

func (r reply) withoutLeader() reply { r.noLeader = true; return r }

func (r reply) with(key, value string) reply {
	r.header = map[string]string{key: value}
	return r
}

var hangs = reply{hangs: true}
