//go:build servers

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"formation/consul/registration/consultest"
	"formation/worker/queue"
	"formation/worker/redisclient"
	"formation/worker/redisclient/redistest"
)

// said is what a command has left: its exit code and its output.
type said struct {
	code     int
	out, err string
}

// typed is a worker's command line on a Redis of its own.
type typed struct {
	*testing.T
	server *redistest.Server
	redis  *redisclient.Client
}

func newTyped(t *testing.T) typed {
	t.Helper()
	server := redistest.New(t)
	url, err := redisclient.ParseURL("redis://" + server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	redis := redisclient.Open(url, 10*time.Second, nil, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = redis.Close() })
	return typed{t, server, redis}
}

// run runs a command; without an input if that is empty.
func (t typed) run(input string, args ...string) said {
	t.Helper()
	var in io.Reader
	if input != "" {
		in = strings.NewReader(input)
	}
	var out, err strings.Builder
	code := run(append(args, "--redis=redis://"+t.server.Addr, "--redis-timeout=10s"), in, &out, &err)
	return said{code, out.String(), err.String()}
}

// expect runs a command line without an input, and returns its output. Of its errors only
// a part is given.
func (t typed) expect(code int, err string, args ...string) string {
	t.Helper()
	got := t.run("", args...)
	if got.code != code || !strings.Contains(got.err, err) || err == "" && got.err != "" {
		t.Errorf("%q: exit code %d and %q, want %d and %q", args, got.code, got.err, code, err)
	}
	return got.out
}

func (t typed) consumer(name string) *queue.Consumer {
	t.Helper()
	q, err := queue.Open(t.redis, name)
	if err != nil {
		t.Fatal(err)
	}
	return q.Consumer("test", time.Minute)
}

// claim claims all jobs of a queue.
func (t typed) claim(name string) []*queue.Delivery {
	t.Helper()
	claimed, err := t.consumer(name).Claim(t.Context(), 10_000)
	if err != nil {
		t.Fatal(err)
	}
	return claimed.Jobs
}

// fail makes all of a queue's jobs fail for good.
func (t typed) fail(name, cause string) {
	t.Helper()
	for _, job := range t.claim(name) {
		if counted, err := t.consumer(name).Fail(t.Context(), job, cause, 2); err != nil || !counted {
			t.Fatalf("fail %s: %v, %v", job.ID, counted, err)
		}
	}
}

func decode[T any](t typed, printed string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(printed), &v); err != nil {
		t.Fatalf("%v in %s", err, printed)
	}
	return v
}

func TestOneJobIsEnqueued(t *testing.T) {
	w := newTyped(t)
	deadline := time.Now().Add(time.Hour).Truncate(time.Second)
	if out := w.expect(0, "", "enqueue", "thumbnail", `{"a": 1}`, "--queue=q", "--id=i", "--key=k", "--max-attempts=3", "--timeout=5s",
		"--deadline="+deadline.Format(time.RFC3339), "--at=2020-01-02T03:04:05Z"); out != "i\n" {
		t.Errorf("it prints %q", out)
	}
	if out := w.expect(0, "not enqueued", "enqueue", "thumbnail", "2", "--queue=q", "--id=i"); out != "i\n" {
		t.Errorf("the same ID: it prints %q", out)
	}
	if out := w.expect(0, "not enqueued", "enqueue", "other", "2", "--queue=q", "--key=k", "--json"); out != `[{"id":"i","duplicate":true}]`+"\n" {
		t.Errorf("the same key: it prints %q", out)
	}
	jobs := w.claim("q")
	if len(jobs) != 1 {
		t.Fatalf("there are %d jobs", len(jobs))
	}
	if j := jobs[0]; j.ID != "i" || j.Handler != "thumbnail" || j.Payload != `{"a": 1}` || j.Key != "k" || j.Attempts != 3 ||
		j.Timeout != 5*time.Second || !j.Deadline.Equal(deadline) || j.Fault != nil {
		t.Errorf("the job is %+v", j)
	}

	id := strings.TrimSpace(w.expect(0, "", "enqueue", "noop"))
	if jobs := w.claim("default"); len(jobs) != 1 || jobs[0].ID != id || jobs[0].Payload != "{}" {
		t.Errorf("%q is not among %+v", id, jobs)
	}
	for _, priority := range []string{"low", "normal", "high"} {
		w.expect(0, "", "enqueue", priority, "--priority="+priority)
	}
	w.expect(0, "", "enqueue", "later", "--delay=1h")
	w.expect(0, "", "enqueue", "later", "--at="+time.Now().Add(time.Hour).Format(time.RFC3339))
	var order []string
	for _, job := range w.claim("default") {
		order = append(order, job.Handler)
	}
	if fmt.Sprint(order) != "[high normal low]" {
		t.Errorf("they are taken as %v", order)
	}
	w.run("", "enqueue", "first", "1", "--queue=from", "--then=to", "--then-handler=second", "--keep=1h")
	for _, job := range w.claim("from") {
		if _, err := w.consumer("from").Complete(t.Context(), job, []byte("2")); err != nil {
			t.Fatal(err)
		}
	}
	if jobs := w.claim("to"); len(jobs) != 1 || jobs[0].Handler != "second" || jobs[0].Payload != "2" {
		t.Errorf("then there are %+v", jobs)
	}
}

func TestManyJobsAreEnqueued(t *testing.T) {
	w := newTyped(t)
	check := func(got said, code int, out, err string, left int) {
		t.Helper()
		if got.code != code || !regexp.MustCompile("^(?:"+out+")$").MatchString(got.out) || !strings.Contains(got.err, err) ||
			strings.Count(got.err, "\n") != 1 {
			t.Errorf("exit code %d, %.300q and %q; want %d, %q and %q", got.code, got.out, got.err, code, out, err)
		}
		if jobs := w.claim("default"); len(jobs) != left {
			t.Errorf("there are %d jobs, want %d", len(jobs), left)
		}
	}
	const id = "[A-Z0-9]{26}\n"
	check(w.run("", "enqueue", "--count=2500", "noop"), 0, "", "worker: 2500 jobs enqueued\n", 2500)
	check(w.run("", "enqueue", "--count=3", "noop", "--ids"), 0, id+id+id, "3 jobs", 3)
	check(w.run("7\n", "enqueue", "--count=1", "noop"), 0, "", "1 job enqueued", 1)
	check(w.run("1\n2\n3", "enqueue", "echo"), 0, "", "3 jobs", 3)
	check(w.run("1\n2\n", "enqueue", "echo", "--ids"), 0, id+id, "2 jobs", 2)
	check(w.run("1\n2\n", "enqueue", "echo", "--json"), 0, `(?s)\[{"id".*false},\n{"id".*false}\]`+"\n", "2 jobs", 2)
	check(w.run("1\n", "enqueue", "echo", "--id=i", "--ids"), 0, "i\n", "1 job", 1)
	check(w.run(strings.Repeat("1\n", 1500)+"nope\n", "enqueue", "echo"), 1, "",
		"1000 jobs enqueued, then: standard input, line 1501: it is not JSON", 1000)
	check(w.run("1\nnope\n", "enqueue", "echo", "--json"), 1, `\[\]`+"\n", "0 jobs enqueued, then: standard input, line 2", 0)
	// Those that were claimed run on.
	held := 2500 + 3 + 1 + 3 + 2 + 2 + 1 + 1000
	check(w.run("", "enqueue", "noop", "--count=2500", fmt.Sprint("--max-queued=", held+2100)), 1, "",
		"2000 jobs enqueued, then: the queue is full", 2000)

	all := decode[[]map[string]any](w, w.expect(0, "", "queues", "--json"))
	if len(all) != 1 || all[0]["enqueued"] != float64(held+2000) || all[0]["running"] != float64(held+2000) {
		t.Errorf("queues: %v", all)
	}
}

func TestAnOutageInTheMiddleIsTold(t *testing.T) {
	w := newTyped(t)
	in, lines := io.Pipe()
	ids, out := io.Pipe()
	var failed strings.Builder
	ended := make(chan int, 1)
	go func() {
		ended <- run([]string{"enqueue", "echo", "--ids", "--redis=redis://" + w.server.Addr}, in, out, &failed)
		_ = in.Close()
		_ = out.Close()
	}()
	_, _ = io.WriteString(lines, "1\n")
	if id, err := bufio.NewReader(ids).ReadString('\n'); err != nil || len(id) != 27 {
		t.Errorf("it prints %q, %v", id, err)
	}
	w.server.Kill()
	_, _ = io.WriteString(lines, "2\n")
	if code := <-ended; code != 1 || !strings.HasPrefix(failed.String(), "worker: 1 job enqueued") ||
		!strings.Contains(failed.String(), "--redis: redis://"+w.server.Addr) || strings.Count(failed.String(), "\n") != 1 {
		t.Errorf("exit code %d, %q", code, &failed)
	}
}

func TestQueuesAreListedPausedAndResumed(t *testing.T) {
	w := newTyped(t)
	if out := w.expect(0, "", "queues", "--json"); out != "[]\n" {
		t.Errorf("without queues it prints %q", out)
	}
	w.expect(0, "1 job", "enqueue", "--count=1", "noop", "--queue=b")
	w.expect(0, "", "enqueue", "noop", "--delay=1h", "--queue=b")
	if out := w.expect(0, "", "queues", "pause", "b", "a"); out != "b is paused\na is paused\n" {
		t.Errorf("pause prints %q", out)
	}
	if jobs := w.claim("b"); len(jobs) != 0 {
		t.Errorf("while it is paused %d jobs are taken", len(jobs))
	}
	all := decode[[]map[string]any](w, w.expect(0, "", "queues", "--json"))
	if len(all) != 2 {
		t.Fatalf("queues: %v", all)
	}
	if q := all[0]; q["queue"] != "a" || q["paused"] != true || q["waiting"] != 0.0 {
		t.Errorf("queue a: %v", q)
	}
	b := all[1]
	for name, want := range map[string]any{"queue": "b", "waiting": 1.0, "running": 0.0, "delayed": 1.0, "failed": 0.0, "rate": 0.0,
		"workers": 0.0, "paused": true, "enqueued": 2.0, "done": 0.0, "retried": 0.0, "failures": 0.0, "handed_back": 0.0} {
		if b[name] != want {
			t.Errorf("queue b: %s is %v, want %v", name, b[name], want)
		}
	}
	if age, ok := b["oldest_ms"].(float64); !ok || age < 0 {
		t.Errorf("queue b: oldest_ms is %v", b["oldest_ms"])
	}
	if out := w.expect(0, "", "queues", "resume", "b"); out != "b is active\n" {
		t.Errorf("resume prints %q", out)
	}
	w.fail("b", "in vain")
	if _, err := w.consumer("b").Reclaim(t.Context(), 1); err != nil { // by which a worker is heard of
		t.Fatal(err)
	}
	if err := w.redis.SAdd(t.Context(), "queues", "no queue").Err(); err != nil {
		t.Fatal(err)
	}
	table := w.expect(0, `"no queue" is not of letters`, "queues")
	for _, want := range []string{
		`(?m)^QUEUE +WAITING +RUNNING +DELAYED +FAILED +OLDEST +RATE/S +WORKERS +STATE$`,
		`(?m)^a +0 +0 +0 +0 +0s +0\.0 +0 +paused$`,
		`(?m)^b +0 +0 +1 +1 +0s +0\.0 +1 +active$`,
	} {
		if !regexp.MustCompile(want).MatchString(table) {
			t.Errorf("%s is missing in\n%s", want, table)
		}
	}
}

// failedIDs are the IDs that `worker failed list --json` prints.
func (t typed) failedIDs(args ...string) string {
	t.Helper()
	var ids []string
	for _, job := range decode[[]map[string]any](t, t.expect(0, "", append([]string{"failed", "list", "--json"}, args...)...)) {
		ids = append(ids, job["id"].(string))
	}
	return strings.Join(ids, " ")
}

func TestFailedJobsAreListedAndShown(t *testing.T) {
	w := newTyped(t)
	if out := w.expect(0, "", "failed", "list", "--json"); out != "[]\n" {
		t.Errorf("without failed jobs it prints %q", out)
	}
	w.expect(0, "", "enqueue", "thumbnail", `{"a": [1]}`, "--id=one", "--key=k", "--priority=low")
	w.fail("default", "no space on \x1b[31mdisk")
	w.expect(0, "", "enqueue", "mail", "--id=two")
	w.fail("default", "timed out")
	w.expect(0, "", "enqueue", "mail", "--id=three")
	w.fail("default", "no space left")

	for args, want := range map[string]string{
		"":                                   "one two three",
		"--queue=other":                      "",
		"--handler=mail":                     "two three",
		"--handler=mai":                      "",
		"--error=space":                      "one three",
		"--error=space --handler=mail":       "three",
		"--limit=2":                          "one two",
		"--limit=1 --handler=mail":           "two",
		"--since=1h":                         "one two three",
		"--since=1ns":                        "",
		"--since=1h --error=space --limit=9": "one three",
	} {
		if got := w.failedIDs(strings.Fields(args)...); got != want {
			t.Errorf("failed list %s: %q, want %q", args, got, want)
		}
	}
	one := decode[map[string]any](w, w.expect(0, "", "failed", "show", "one", "--json"))
	for _, name := range []string{"enqueued", "failed"} {
		at, err := time.Parse(time.RFC3339, one[name].(string))
		if err != nil || time.Since(at).Abs() > time.Hour {
			t.Errorf("%s: %v, %v", name, one[name], err)
		}
		delete(one, name)
	}
	if got, want := fmt.Sprint(one), "map[attempts:2 error:no space on \x1b[31mdisk handler:thumbnail id:one key:k payload:map[a:[1]] priority:low]"; got != want {
		t.Errorf("one is %q, want %q", got, want)
	}
	if out := w.expect(0, "", "failed", "list"); strings.Contains(out, "\x1b") || !regexp.MustCompile(
		`(?m)^ID +HANDLER +ATTEMPTS +FAILED +ERROR\none +thumbnail +2 +\S+Z +no space on \\x1b\[31mdisk\ntwo +mail `).MatchString(out) {
		t.Errorf("it lists\n%s", out)
	}
	if out := w.expect(0, "", "failed", "show", "one"); strings.Contains(out, "\x1b") || !regexp.MustCompile(
		`(?m)^id +one\nhandler +thumbnail\nerror +no space on \\x1b\[31mdisk\nattempts +2\npriority +low\nkey +k\nenqueued +\S+Z\nfailed +\S+Z\npayload +{"a": \[1\]}$`).MatchString(out) {
		t.Errorf("it shows\n%s", out)
	}
	w.expect(1, `worker: no job with the ID "four" has failed in queue default`+"\n", "failed", "show", "four")
}

func TestFailedJobsAreRetriedAndDiscarded(t *testing.T) {
	w := newTyped(t)
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		w.expect(0, "", "enqueue", "noop", "--id="+id)
		w.fail("default", "error of "+id)
	}
	if out := w.expect(0, "", "failed", "retry", "c", "a"); out != "2 jobs retried\n" {
		t.Errorf("it prints %q", out)
	}
	if got := w.failedIDs(); got != "b d e" {
		t.Errorf("left are %q", got)
	}
	if out := w.expect(1, `no job with the ID "c" has failed`, "failed", "retry", "c", "b"); out != "1 job retried\n" {
		t.Errorf("with one that has not failed it prints %q", out)
	}
	if jobs := w.claim("default"); len(jobs) != 3 || jobs[0].ID != "c" || jobs[1].ID != "a" || jobs[2].ID != "b" {
		t.Errorf("they are back as %v", jobs)
	}
	if out := w.expect(0, "", "failed", "discard", "--all", "--error=of d"); out != "1 job discarded\n" {
		t.Errorf("it prints %q", out)
	}
	if out := w.expect(1, "worker: 1 job not discarded", "failed", "discard", "d", "e"); out != "1 job discarded\n" {
		t.Errorf("with one that is gone it prints %q", out)
	}
	if got := w.failedIDs(); got != "" {
		t.Errorf("left are %q", got)
	}

	// More than a page, so that it has to go on behind those that it took away.
	const many = 3*50 + 7
	w.expect(0, "jobs", "enqueue", "noop", "--queue=q", fmt.Sprint("--count=", many))
	w.fail("q", "all")
	ids := strings.Fields(w.failedIDs("--queue=q"))
	if slices.Sort(ids); len(ids) != many || len(slices.Compact(ids)) != many {
		t.Errorf("it lists %d jobs: %q", len(ids), ids)
	}
	if out := w.expect(0, "", "failed", "retry", "--all", "--queue=q"); out != fmt.Sprint(many, " jobs retried\n") {
		t.Errorf("it prints %q", out)
	}
	w.fail("q", "again")
	if out := w.expect(0, "", "failed", "discard", "--all", "--queue=q", "--limit=60"); out != "60 jobs discarded\n" {
		t.Errorf("it prints %q", out)
	}
	if out := w.expect(0, "", "failed", "discard", "--all", "--queue=q"); out != fmt.Sprint(many-60, " jobs discarded\n") {
		t.Errorf("it prints %q", out)
	}

	w.expect(0, "", "enqueue", "noop", "--queue=k", "--id=old", "--key=x")
	w.fail("k", "")
	w.expect(0, "", "enqueue", "noop", "--queue=k", "--id=new", "--key=x")
	if out := w.expect(1, "another job has its key: new\nworker: 1 job not retried\n", "failed", "retry", "--all", "--queue=k"); out != "0 jobs retried\n" {
		t.Errorf("it prints %q", out)
	}
	if got := w.failedIDs("--queue=k"); got != "old" {
		t.Errorf("left are %q", got)
	}
}

func TestAllIsWhatHasFailedBefore(t *testing.T) {
	w := newTyped(t)
	w.expect(0, "jobs", "enqueue", "noop", "--count=120")
	w.fail("default", "first")
	// A worker for which all jobs fail at once.
	ctx, stop := context.WithCancel(t.Context())
	failing := make(chan error, 1)
	go func() {
		c := w.consumer("default")
		for {
			jobs, err := c.Wait(ctx, 10, time.Minute)
			for _, job := range jobs {
				if _, err = c.Fail(context.WithoutCancel(ctx), job, "again", 2); err != nil {
					break
				}
			}
			if err != nil {
				failing <- err
				return
			}
		}
	}()
	if out := w.expect(0, "", "failed", "retry", "--all"); out != "120 jobs retried\n" {
		t.Errorf("it prints %q", out)
	}
	stop()
	if err := <-failing; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestResults(t *testing.T) {
	w := newTyped(t)
	w.expect(1, `worker: no result of job "i" is kept in queue default; `, "result", "i")
	w.expect(1, `worker: no result of job "i" is kept in queue default after 20ms`, "result", "i", "--wait=20ms")
	w.expect(0, "", "enqueue", "echo", "--keep=1h", "--id=i")
	job := w.claim("default")[0]
	if err := w.redis.ConfigResetStat(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	waited := make(chan said, 1)
	go func() { waited <- w.run("", "result", "i", "--wait=1h") }()
	for asked := ""; !strings.Contains(asked, "cmdstat_get:"); {
		var err error
		if asked, err = w.redis.Info(t.Context(), "commandstats").Result(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.consumer("default").Complete(t.Context(), job, []byte("{\"a\": \"\x1b\"}")); err != nil {
		t.Fatal(err)
	}
	want := said{0, "{\"a\": \"\x1b\"}\n", ""}
	if got := <-waited; got != want {
		t.Errorf("waited for: %+v", got)
	}
	if got := w.run("", "result", "i"); got != want {
		t.Errorf("there: %+v", got)
	}
	if got := w.run("", "result", "i", "--queue=other"); got.code != 1 {
		t.Errorf("in another queue: %+v", got)
	}
}

func TestCommandsFindRedisThroughConsul(t *testing.T) {
	agent, w := consultest.New(t), newTyped(t)
	register(t, agent, "redis-1", w.server.Addr)
	w.expect(0, "", "enqueue", "noop")
	var out, failed strings.Builder
	code := run([]string{"queues", "--json", "--redis=consul://redis", "--consul-addr=" + agent.Addr, "--redis-timeout=10s"}, nil, &out, &failed)
	if code != 0 || !strings.Contains(out.String(), `"queue":"default","waiting":1,`) {
		t.Errorf("exit code %d, %q and %q", code, &out, &failed)
	}
}
