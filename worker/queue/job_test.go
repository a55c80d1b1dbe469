package queue

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

func TestJobsWithinTheirBounds(t *testing.T) {
	long := strings.Repeat("x", MaxName)
	for _, j := range []New{
		{Handler: "h"},
		{Handler: "Az09._:/-"},
		{Handler: long, ID: long, Key: long, Then: long, ThenHandler: long},
		{Handler: "h", ID: "any: \"text\" {ü}", Key: " "},
		{Handler: "h", Payload: make([]byte, MaxPayload), Priority: Low, Delay: MaxDelay, MaxAttempts: MaxAttempts, Keep: MaxDelay, Timeout: MaxDelay},
	} {
		if err := j.check(); err != nil {
			t.Error(err)
		}
	}
}

func TestJobsBeyondTheirBoundsNameTheField(t *testing.T) {
	long := strings.Repeat("x", MaxName+1)
	for _, c := range []struct {
		want string
		job  New
	}{
		{"handler: ", New{}},
		{"handler: ", New{Handler: "-h"}},
		{"handler: ", New{Handler: "a b"}},
		{"handler: ", New{Handler: "ä"}},
		{"handler: ", New{Handler: "h{x}"}},
		{"handler: ", New{Handler: long}},
		{"ID: ", New{Handler: "h", ID: long}},
		{"ID: ", New{Handler: "h", ID: "\xff"}},
		{"ID: ", New{Handler: "h", ID: "a\nb"}},
		{"ID: ", New{Handler: "h", ID: "\x7f"}},
		{"key: ", New{Handler: "h", Key: "\x00"}},
		{"then: ", New{Handler: "h", Then: "a{b"}},
		{"then's handler: ", New{Handler: "h", Then: "q", ThenHandler: " "}},
		{"then's handler: ", New{Handler: "h", ThenHandler: "x"}},
		{"payload: 1048577 bytes", New{Handler: "h", Payload: make([]byte, MaxPayload+1)}},
		{"priority: ", New{Handler: "h", Priority: 3}},
		{"delay: ", New{Handler: "h", Delay: -1}},
		{"delay: ", New{Handler: "h", Delay: MaxDelay + 1}},
		{"maximum attempts: ", New{Handler: "h", MaxAttempts: -1}},
		{"maximum attempts: ", New{Handler: "h", MaxAttempts: MaxAttempts + 1}},
		{"timeout: ", New{Handler: "h", Timeout: -1}},
		{"timeout: ", New{Handler: "h", Timeout: math.MaxInt64}},
		{"keep: ", New{Handler: "h", Keep: -1}},
		{"keep: ", New{Handler: "h", Keep: MaxDelay + 1}},
	} {
		err := c.job.check()
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || len(err.Error()) > 200 {
			t.Errorf("error is %v, want one about %s", err, c.want)
		}
	}
	if _, err := Open(nil, "{}"); err == nil || !strings.HasPrefix(err.Error(), "the queue's name: ") {
		t.Errorf("error is %v", err)
	}
}

func TestJobsWithoutAnIDGetOneThatNobodyElseHas(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id, o := (&New{Handler: "h"}).start()
		if seen[id] || checkText(id) != nil || len(id) < 20 || o.String() != "" {
			t.Fatalf("the ID is %q, the options are %q", id, o)
		}
		seen[id] = true
	}
}

// What any job's options are in Redis is read back as the same.
func TestOptionsAreReadAsTheyWereWritten(t *testing.T) {
	for _, j := range []New{
		{},
		{ID: "a"},
		{MaxAttempts: MaxAttempts, Timeout: MaxDelay, Deadline: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), Key: "k\u2028\"", Keep: MaxDelay, Then: "q", ThenHandler: "h"},
		{Deadline: time.Unix(-1, 0), Timeout: 1, Keep: 1},
	} {
		_, o := j.start()
		got, err := parseOptions(o.String())
		if err != nil || got != o {
			t.Errorf("%s is read as %+v (%v)", o, got, err)
		}
		if o.Timeout < 0 || j.Timeout > 0 && o.Timeout == 0 || !j.Deadline.IsZero() && o.Deadline <= 0 {
			t.Errorf("%+v is written as %s", j, o)
		}
	}
}

func TestOptionsThatAreWrongSayWhere(t *testing.T) {
	for given, want := range map[string]string{
		"{":                               "EOF",
		"[]":                              "array",
		"x":                               "invalid",
		"{}{}":                            "follows",
		"{}}":                             "follows",
		"{} x":                            "follows",
		`{"colour":1}`:                    "colour",
		`{"key":1}`:                       "key",
		`{"max_attempts":-1}`:             "max_attempts",
		`{"timeout":-1}`:                  "timeout",
		`{"timeout":9223372036854775807}`: "timeout",
		`{"deadline":-1}`:                 "deadline",
		`{"keep":31622400001}`:            "keep",
		`{"enqueued":-1}`:                 "enqueued",
		`{"attempts":2147483648}`:         "attempts",
		`{"crashes":4294967296}`:          "crashes",
		`{"crashes":1.5}`:                 "crashes",
	} {
		if o, err := parseOptions(given); err == nil || !strings.HasPrefix(err.Error(), "options: ") || !strings.Contains(err.Error(), want) || o != (options{}) {
			t.Errorf("%s: %+v, error is %v, want one about %s", given, o, err, want)
		}
	}
	for _, given := range []string{"", "{}", " {} \n", "null"} {
		if o, err := parseOptions(given); err != nil || o != (options{}) {
			t.Errorf("%q: %+v, error is %v", given, o, err)
		}
	}
}

func TestPrioritiesAreNamed(t *testing.T) {
	var names []string
	for _, p := range order {
		got, err := ParsePriority(p.String())
		if err != nil || got != p || order[p.lane()-1] != p {
			t.Errorf("%v is read as %v (%v)", p, got, err)
		}
		names = append(names, p.String())
	}
	if got := fmt.Sprint(names, Priority(0)); got != "[high normal low] normal" {
		t.Errorf("they are %s", got)
	}
	if _, err := ParsePriority("urgent"); err == nil || !strings.Contains(err.Error(), `"urgent"`) {
		t.Errorf("error is %v", err)
	}
}

func TestAllOfAQueuesKeysAreInOneSlot(t *testing.T) {
	k := keysOf("a:b")
	for _, key := range append(k.with(k.state, k.delayed, k.failed, k.ids, k.rate, k.workers), k.of("}{x"), k.result("}{x")) {
		if !strings.HasPrefix(key, "queue:{a:b}:") {
			t.Errorf("%s has another hash tag", key)
		}
	}
}
