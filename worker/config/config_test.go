package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"formation/worker/queue"
)

func parse[T any](t *testing.T, args ...string) *T {
	t.Helper()
	c, err := Parse(args, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	of, ok := any(c).(*T)
	if !ok {
		t.Fatalf("%q is %T", args, c)
	}
	return of
}

func TestDefaults(t *testing.T) {
	t.Setenv("CONSUL_HTTP_ADDR", "") // and restored at the end
	_ = os.Unsetenv("CONSUL_HTTP_ADDR")
	c := parse[Serve](t, "serve")
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != host {
		t.Errorf("name is %q, want the host's, %q", c.Name, host)
	}
	if c.Listen != ":8000" || c.Admin != "127.0.0.1:8001" || c.RedisURL.String() != "redis://127.0.0.1:6379/0" ||
		c.ConsulAddr != "127.0.0.1:8500" || c.RedisTimeout != time.Second || c.Register || c.Service != "apps" ||
		c.Advertise != "" || c.DrainDelay != 3*time.Second || c.DrainTimeout != 15*time.Second {
		t.Errorf("got %+v", c)
	}

	b := parse[Background](t, "background")
	if b.Name != host || b.Queue != "default" || b.Concurrency != 10 || b.Admin != "127.0.0.1:8002" || b.Redis != c.Redis ||
		b.RedisURL.String() != c.RedisURL.String() || b.RedisTimeout != time.Second || b.ConsulAddr != c.ConsulAddr ||
		b.Lease != 10*time.Second || b.MaxDeliveries != 5 || b.Backoff != time.Second || b.MaxBackoff != 10*time.Minute ||
		b.JobTimeout != 0 || b.DrainTimeout != 15*time.Second || b.InputRoot != "" {
		t.Errorf("got %+v", b)
	}

	e := parse[Enqueue](t, "enqueue", "noop")
	if e.Handler != "noop" || e.Payload != nil || e.Queue != "default" || e.ID != "" || e.Key != "" || e.Delay != 0 ||
		!e.At.IsZero() || e.Priority != "normal" || e.MaxAttempts != queue.DefaultAttempts || e.Timeout != 0 ||
		!e.Deadline.IsZero() || e.Keep != 0 || e.Then != "" || e.ThenHandler != "" || e.Count != nil ||
		e.MaxQueued != queue.DefaultBound || e.IDs || e.JSON {
		t.Errorf("got %+v", e)
	}
}

func TestACommandIsWhatWasTyped(t *testing.T) {
	cases := map[string]Command{
		"serve":                        &Serve{},
		"background":                   &Background{},
		"enqueue noop":                 &Enqueue{},
		"queues":                       &ListQueues{},
		"queues --json":                &ListQueues{},
		"queues list --json":           &ListQueues{},
		"queues pause a b":             &PauseQueues{},
		"queues resume a":              &ResumeQueues{},
		"failed list":                  &ListFailed{},
		"failed list --queue a --json": &ListFailed{},
		"failed show id":               &ShowFailed{},
		"failed retry id":              &RetryFailed{},
		"failed discard --all":         &DiscardFailed{},
		"result id --wait 1s":          &Result{},
		"mapreduce --input a":          &MapReduce{},
		"mapreduce run --input a":      &MapReduce{},
		"mapreduce status":             &ShowRuns{},
		"mapreduce status a --json":    &ShowRuns{},
		"mapreduce attach a --csv":     &AttachRun{},
		"mapreduce cancel a":           &CancelRun{},
	}
	for line, want := range cases {
		c, err := Parse(strings.Fields(line), t.Output())
		if err != nil || fmt.Sprintf("%T", c) != fmt.Sprintf("%T", want) {
			t.Errorf("%s: %T, %v, want %T", line, c, err, want)
		}
	}
	if c := parse[PauseQueues](t, "queues", "pause", "a", "b"); !slices.Equal(c.Names, []string{"a", "b"}) {
		t.Errorf("queues pause a b: %q", c.Names)
	}
	if c := parse[RetryFailed](t, "failed", "retry", "a,b", `c\,d`); !slices.Equal(c.IDs, []string{"a,b", `c\,d`}) {
		t.Errorf("failed retry a,b c\\,d: %q", c.IDs)
	}
	if c := parse[ListQueues](t, "queues", "--json", "--redis=redis://10.0.0.1"); !c.JSON || c.Redis != "redis://10.0.0.1" {
		t.Errorf("queues --json: %+v", c)
	}
	if c := parse[ListFailed](t, "failed", "list", "--queue", "a", "--json"); !c.JSON || c.Queue != "a" {
		t.Errorf("failed list: %+v", c)
	}
}

func TestEnqueueTakesItAll(t *testing.T) {
	c := parse[Enqueue](t, strings.Fields("enqueue thumbnail {\"a\":1} --queue q --id i --key k --at 2020-01-02T03:04:05+01:00 "+
		"--priority high --max-attempts 3 --timeout 5s --deadline 2030-01-02T03:04:05Z --keep 1h --then other --then-handler store "+
		"--max-queued 9 --ids --json")...)
	if c.Handler != "thumbnail" || *c.Payload != `{"a":1}` || c.Queue != "q" || c.ID != "i" || c.Key != "k" ||
		!c.At.Equal(time.Date(2020, 1, 2, 2, 4, 5, 0, time.UTC)) || c.Priority != "high" || c.MaxAttempts != 3 ||
		c.Timeout != 5*time.Second || !c.Deadline.Equal(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)) || c.Keep != time.Hour ||
		c.Then != "other" || c.ThenHandler != "store" || c.MaxQueued != 9 || !c.IDs || !c.JSON {
		t.Errorf("got %+v", c)
	}
	if c := parse[Enqueue](t, "enqueue", "noop", "--count=7", "--delay=3s"); *c.Count != 7 || c.Delay != 3*time.Second {
		t.Errorf("got %+v", c)
	}
}

func TestAVariableChoosesNoJobs(t *testing.T) {
	for _, name := range []string{"ID", "KEY", "HANDLER", "ERROR"} {
		t.Setenv("WORKER_"+name, "forgotten")
	}
	t.Setenv("WORKER_ALL", "true")
	t.Setenv("WORKER_SINCE", "1s")
	t.Setenv("WORKER_LIMIT", "1")
	if c := parse[Enqueue](t, "enqueue", "noop"); c.ID != "" || c.Key != "" {
		t.Errorf("got %+v", c)
	}
	for _, name := range []string{"INPUT", "BY", "OF", "AGG", "WHERE", "TOP", "ORDERED", "THEN_BY", "THEN_OF", "THEN_AGG", "REGEXP",
		"COLUMN", "SEPARATOR", "STRICT", "DETACH"} {
		t.Setenv("WORKER_"+name, "1")
	}
	if c := parse[MapReduce](t, "mapreduce", "--input=a"); c.Detach || !reflect.DeepEqual(c.Spec, counted("a")) {
		t.Errorf("got %+v", c)
	}
	if c := parse[RetryFailed](t, "failed", "retry", "--all"); c.Filter != (Filter{}) {
		t.Errorf("got %+v", c)
	}
	if c, err := Parse([]string{"failed", "discard"}, t.Output()); err == nil {
		t.Errorf("got %+v", c)
	}
}

func TestFlagsComeBeforeEnvironmentBeforeDefaults(t *testing.T) {
	t.Setenv("WORKER_DRAIN_DELAY", "7s")
	t.Setenv("WORKER_NAME", "from-environment")
	t.Setenv("WORKER_REGISTER", "true")
	t.Setenv("WORKER_REDIS", "consul://redis/2?tag=primary")
	t.Setenv("CONSUL_HTTP_ADDR", "http://10.0.0.1:8500")
	c := parse[Serve](t, "serve", "--name", "from-flag")
	if c.Name != "from-flag" || c.DrainDelay != 7*time.Second || c.DrainTimeout != 15*time.Second || !c.Register {
		t.Errorf("got %+v", c)
	}
	if c.ConsulAddr != "http://10.0.0.1:8500" {
		t.Errorf("consul-addr is %q, want Consul's own variable", c.ConsulAddr)
	}
	if c.RedisURL.Service != "redis" || c.RedisURL.Tag != "primary" {
		t.Errorf("redis is %s", c.RedisURL)
	}
}

func TestABadValueNamesItsOption(t *testing.T) {
	cases := []struct {
		name string
		args []string
		want string
	}{
		{"no command", nil, "serve"},
		{"an unknown command", []string{"swerve"}, "swerve"},
		{"an unknown option", []string{"serve", "--drain-dealy=1s"}, "--drain-dealy"},
		{"a duration without unit", []string{"serve", "--drain-delay=3"}, "--drain-delay"},
		{"a negative delay", []string{"serve", "--drain-delay=-3s"}, "--drain-delay"},
		{"a negative timeout", []string{"serve", "--drain-timeout=-3s"}, "--drain-timeout"},
		{"no time to wait for redis", []string{"serve", "--redis-timeout=0s"}, "--redis-timeout"},
		{"an address without a port", []string{"serve", "--listen=localhost"}, "--listen"},
		{"a port that is too large", []string{"serve", "--admin=:65536"}, "--admin"},
		{"a name with a space", []string{"serve", "--name=a b"}, "--name"},
		{"a service with a slash", []string{"serve", "--service=a/b"}, "--service"},
		{"an advertised address without a host", []string{"serve", "--advertise=:8000"}, "--advertise"},
		{"an advertised port 0", []string{"serve", "--advertise=10.0.0.1:0"}, "--advertise"},
		{"a consul address with an unknown scheme", []string{"serve", "--consul-addr=ftp://127.0.0.1"}, "--consul-addr"},
		{"a consul address that is none", []string{"serve", "--consul-addr=a b"}, "--consul-addr"},
		{"a redis URL of an unknown scheme", []string{"serve", "--redis=http://127.0.0.1"}, "--redis"},
		{"a redis URL without a scheme", []string{"serve", "--redis=127.0.0.1:6379"}, "--redis"},

		{"a queue with a space", []string{"background", "--queue=a b"}, "--queue"},
		{"no concurrency", []string{"background", "--concurrency=0"}, "--concurrency"},
		{"too much concurrency", []string{"background", "--concurrency=10001"}, "--concurrency"},
		{"a background worker's address without a port", []string{"background", "--admin=localhost"}, "--admin"},
		{"a background worker's name with a space", []string{"background", "--name=a b"}, "--name"},
		{"a background worker's redis", []string{"background", "--redis=nowhere"}, "--redis"},
		{"a lease that is too short", []string{"background", "--lease=999ms"}, "--lease"},
		{"no delivery", []string{"background", "--max-deliveries=0"}, "--max-deliveries"},
		{"no back-off", []string{"background", "--backoff=0s"}, "--backoff"},
		{"a shorter longest back-off", []string{"background", "--backoff=2s", "--max-backoff=1s"}, "--max-backoff"},
		{"a negative timeout of jobs", []string{"background", "--job-timeout=-1s"}, "--job-timeout"},
		{"a negative timeout of the drain", []string{"background", "--drain-timeout=-1s"}, "--drain-timeout"},

		{"no handler", []string{"enqueue"}, "<handler>"},
		{"a handler with a space", []string{"enqueue", "a b"}, "<handler>"},
		{"a payload that is no JSON", []string{"enqueue", "noop", "nope"}, "<json>"},
		{"an empty payload", []string{"enqueue", "noop", ""}, "<json>"},
		{"two payloads", []string{"enqueue", "noop", "1 2"}, "<json>"},
		{"a payload that is not UTF-8", []string{"enqueue", "noop", "\"\xff\""}, "argument 3"},
		{"a payload that is too large", []string{"enqueue", "noop", "\"" + strings.Repeat("a", queue.MaxPayload) + "\""}, "<json>"},
		{"a job's queue with a space", []string{"enqueue", "noop", "--queue=a b"}, "--queue"},
		{"an ID with a control character", []string{"enqueue", "noop", "--id=a\x1b"}, "--id"},
		{"a key that is too long", []string{"enqueue", "noop", "--key=" + strings.Repeat("a", queue.MaxName+1)}, "--key"},
		{"a job's negative delay", []string{"enqueue", "noop", "--delay=-1s"}, "--delay"},
		{"a job's delay that is too long", []string{"enqueue", "noop", "--delay=9000h"}, "--delay"},
		{"a time without a zone", []string{"enqueue", "noop", "--at=2030-01-02T03:04:05"}, "--at"},
		{"a time that is too far", []string{"enqueue", "noop", "--at=2999-01-02T03:04:05Z"}, "--at"},
		{"a time and a delay", []string{"enqueue", "noop", "--at=2020-01-02T03:04:05Z", "--delay=1s"}, "--at"},
		{"an unknown priority", []string{"enqueue", "noop", "--priority=higher"}, "--priority"},
		{"no attempts", []string{"enqueue", "noop", "--max-attempts=0"}, "--max-attempts"},
		{"too many attempts", []string{"enqueue", "noop", "--max-attempts=1001"}, "--max-attempts"},
		{"an attempt's negative timeout", []string{"enqueue", "noop", "--timeout=-1s"}, "--timeout"},
		{"a deadline that is none", []string{"enqueue", "noop", "--deadline=tomorrow"}, "--deadline"},
		{"a result that is kept for too long", []string{"enqueue", "noop", "--keep=9000h"}, "--keep"},
		{"a next queue with a space", []string{"enqueue", "noop", "--then=a b"}, "--then"},
		{"a next handler with a space", []string{"enqueue", "noop", "--then=a", "--then-handler=a b"}, "--then-handler"},
		{"a next handler without a queue", []string{"enqueue", "noop", "--then-handler=a"}, "--then-handler"},
		{"none of them", []string{"enqueue", "noop", "--count=0"}, "--count"},
		{"some with one ID", []string{"enqueue", "noop", "--count=2", "--id=a"}, "--id"},
		{"some with one key", []string{"enqueue", "noop", "--count=2", "--key=a"}, "--key"},
		{"a queue without room", []string{"enqueue", "noop", "--max-queued=0"}, "--max-queued"},
		{"a job's redis", []string{"enqueue", "noop", "--redis=nowhere"}, "--redis"},

		{"no queue to pause", []string{"queues", "pause"}, "<queue>"},
		{"a queue to pause with a space", []string{"queues", "pause", "a", "a b"}, "<queue>"},
		{"a queue to resume with a space", []string{"queues", "resume", "a b"}, "<queue>"},
		{"an unknown command for queues", []string{"queues", "stop"}, "stop"},
		{"the queues' redis", []string{"queues", "--redis=nowhere"}, "--redis"},
		{"the paused queues' redis", []string{"queues", "pause", "a", "--redis=nowhere"}, "--redis"},
		{"the resumed queues' redis", []string{"queues", "resume", "a", "--redis=nowhere"}, "--redis"},
		{"failed jobs, and nothing to do", []string{"failed"}, "list"},
		{"a negative time to look back", []string{"failed", "list", "--since=-1s"}, "--since"},
		{"a negative limit", []string{"failed", "list", "--limit=-1"}, "--limit"},
		{"a failed job's queue with a space", []string{"failed", "show", "i", "--queue=a b"}, "--queue"},
		{"none to retry", []string{"failed", "retry"}, "--all"},
		{"none to discard, but a filter", []string{"failed", "discard", "--handler=a"}, "--all"},
		{"one and all to retry", []string{"failed", "retry", "i", "--all"}, "--all"},
		{"one to discard and a filter", []string{"failed", "discard", "i", "--since=1h"}, "--since"},
		{"a negative limit to retry", []string{"failed", "retry", "--all", "--limit=-1"}, "--limit"},
		{"a retried job's queue with a space", []string{"failed", "retry", "i", "--queue=a b"}, "--queue"},
		{"the discarded jobs' redis", []string{"failed", "discard", "i", "--redis=nowhere"}, "--redis"},
		{"an unknown command for runs", []string{"mapreduce", "stop"}, "stop"},
		{"no run to attach to", []string{"mapreduce", "attach"}, "<run>"},
		{"no run to cancel", []string{"mapreduce", "cancel"}, "<run>"},
		{"an attached run as two things", []string{"mapreduce", "attach", "a", "--csv", "--json"}, "--csv"},
		{"the runs' redis", []string{"mapreduce", "status", "--redis=nowhere"}, "--redis"},
		{"the runs' queue", []string{"mapreduce", "status", "--queue=a b"}, "--queue"},
		{"the attached run's queue", []string{"mapreduce", "attach", "a", "--queue=a b"}, "--queue"},
		{"the cancelled run's queue", []string{"mapreduce", "cancel", "a", "--queue=a b"}, "--queue"},
		{"a result of no job", []string{"result"}, "<id>"},
		{"a negative wait", []string{"result", "i", "--wait=-1s"}, "--wait"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.args, t.Output())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want one that names %s", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("error has more than one line: %q", err)
			}
		})
	}
}

func TestAPasswordIsInNoError(t *testing.T) {
	for _, raw := range []string{
		"redis://user:s3cret@:6379", "http://user:s3cret@host", "consul://:s3cret@redis:8500",
		"redis://user:a/s3cret@host", "redis://user:12/s3cret@host:6379",
	} {
		t.Setenv("WORKER_REDIS", raw)
		_, err := Parse([]string{"serve"}, t.Output())
		if err == nil || !strings.HasPrefix(err.Error(), "--redis: ") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: error is %v, want one that names --redis and keeps the password", raw, err)
		}
	}
}

func TestHelpIsComplete(t *testing.T) {
	for line, command := range map[string]any{
		"serve": Serve{}, "background": Background{}, "enqueue": Enqueue{}, "queues list": ListQueues{},
		"queues pause": PauseQueues{}, "queues resume": ResumeQueues{}, "failed list": ListFailed{}, "failed show": ShowFailed{},
		"failed retry": RetryFailed{}, "failed discard": DiscardFailed{}, "result": Result{}, "mapreduce run": MapReduce{},
		"mapreduce status": ShowRuns{}, "mapreduce attach": AttachRun{}, "mapreduce cancel": CancelRun{},
	} {
		var help strings.Builder
		if _, err := Parse(append(strings.Fields(line), "--help"), &help); !errors.Is(err, Done) {
			t.Fatalf("error is %v, want Done", err)
		}
		words := strings.Join(strings.Fields(help.String()), " ")
		for _, field := range reflect.VisibleFields(reflect.TypeOf(command)) {
			if field.Anonymous || field.Tag.Get("kong") == "-" {
				continue
			}
			name := field.Tag.Get("name")
			if name == "" {
				name = strings.ToLower(regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(field.Name, "$1-$2"))
			}
			wants := []string{"--" + name, "$WORKER_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))}
			if _, ok := field.Tag.Lookup("arg"); ok {
				wants = []string{"<" + name + ">"}
			} else if field.Tag.Get("env") == "-" {
				wants = wants[:1]
			}
			if given := field.Tag.Get("default"); !strings.HasPrefix(given, "$") {
				wants = append(wants, given)
			}
			for _, want := range append(wants, field.Tag.Get("help")[:10]) {
				if !strings.Contains(words, want) {
					t.Errorf("%s: %s is missing in\n%s", line, want, &help)
				}
			}
		}
	}
}
