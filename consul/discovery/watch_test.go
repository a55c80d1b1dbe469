package discovery

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/consul/api"
)

var errRefused = fmt.Errorf("dial tcp: %w", syscall.ECONNREFUSED)

// inBubble runs a test with a fake clock.
func inBubble(t *testing.T, name string, f func(*testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

func TestWatch(t *testing.T) {
	for _, c := range []struct {
		name    string
		script  []step
		publish []string
	}{
		{"publishes what changes, and only that", []step{
			{index: 0, reply: lists(10, "a b")},
			{index: 10, reply: lists(11, "a b")}, // an answer is no change
			{index: 11, reply: lists(11, "a b")}, // the wait was over
			{index: 11, reply: lists(14, "a b- c")},
			{index: 14, reply: lists(15, "a")},
			quiet(15, "a"),
		}, []string{"consul: n/a n/b", "consul: n/a n/b- n/c", "consul: n/a"}},
		{"publishes that there is nothing", []step{
			{index: 0, reply: lists(10, "")},
			{index: 10, reply: lists(11, "a")},
			quiet(11, "a"),
		}, []string{"consul:", "consul: n/a"}},
		{"an index that goes backwards is a break and is forgotten", []step{
			{index: 0, reply: lists(10, "a b")},
			{index: 10, reply: lists(9, "a")},
			{index: 0, reply: lists(9, "a")},
			quiet(9, "a"),
		}, []string{"consul: n/a n/b", "consul: n/a n/b?", "consul: n/a"}},
		{"an index below 1 is 1", []step{
			{index: 0, reply: lists(0, "a")},
			{index: 1, reply: lists(7, "a b")},
			quiet(7, "a b"),
		}, []string{"consul: n/a", "consul: n/a n/b"}},
		{"no known leader is a break, and what is listed is used", []step{
			{index: 0, reply: lists(10, "a b")},
			{index: 10, reply: lists(10, "a c").withoutLeader()},
			{index: 0, reply: lists(10, "a c").withoutLeader()},
			{index: 0, reply: lists(11, "a c")},
			quiet(11, "a c"),
		}, []string{"consul: n/a n/b", "consul!: n/a n/b? n/c", "consul: n/a n/b? n/c", "consul: n/a n/c"}},
		{"a streaming agent does not know the leader, and that is no break", []step{
			{index: 0, reply: lists(10, "a b")},
			{index: 10, reply: lists(11, "a").withoutLeader().with("X-Consul-Query-Backend", "streaming")},
			quiet(11, "a"),
		}, []string{"consul: n/a n/b", "consul: n/a"}},
		{"a list that is empty for want of rights is an error", []step{
			{index: 0, reply: lists(10, "a b")},
			{index: 10, reply: lists(11, "").with("X-Consul-Results-Filtered-By-ACLs", "true")},
			{index: 0, reply: lists(12, "a b")},
			quiet(12, "a b"),
		}, []string{"consul: n/a n/b", "consul!: n/a n/b", "consul: n/a n/b"}},
		{"a failure is published once, and keeps the last good set", []step{
			{index: 0, reply: lists(10, "a b")},
			{index: 10, reply: reply{fails: errRefused}},
			{index: 0, reply: reply{fails: errRefused}, times: 100},
			{index: 0, reply: lists(3, "b")},
			quiet(3, "b"),
		}, []string{"consul: n/a n/b", "consul!: n/a n/b", "consul: n/a? n/b", "consul: n/b"}},
		{"another failure is published too", []step{
			{index: 0, reply: lists(10, "a")},
			{index: 10, reply: reply{fails: io.ErrUnexpectedEOF}},
			{index: 0, reply: reply{fails: errRefused}},
			{index: 0, reply: reply{status: 500, body: "rpc error: No cluster leader"}},
			{index: 0, reply: lists(3, "a")},
			quiet(3, "a"),
		}, []string{"consul: n/a", "consul!: n/a", "consul!: n/a", "consul!: n/a", "consul: n/a"}},
	} {
		inBubble(t, c.name, func(t *testing.T) {
			f := &fakeConsul{t: t, script: c.script}
			r := start(t, f.watch())
			for _, want := range c.publish {
				r.want(want)
			}
			synctest.Wait()
			r.stop()
			r.none()
			if n := len(f.script); n > 1 {
				t.Errorf("%d questions were not asked", n-1)
			}
		})
	}
}

func TestNonsenseIsAnErrorAndKeepsTheLastGoodSet(t *testing.T) {
	good := lists(10, "a").body
	huge := io.MultiReader(strings.NewReader(`["`), io.LimitReader(endless{}, testBody))
	many := "[" + strings.Repeat("{},", MaxInstances) + "{}]"
	for _, c := range []struct {
		name  string
		reply reply
		want  error // nil for any
		text  string
	}{
		{"HTML", reply{body: "<html>It works!</html>"}, nil, "invalid character '<'"},
		{"HTML with an error's status", reply{status: 502, body: "<html>\n<h1>" + strings.Repeat("no ", 1000)}, nil, "502 (<html> <h1>no"},
		{"an object", reply{body: `{"a":1}`}, nil, "cannot unmarshal object"},
		{"a number", reply{body: `17`}, nil, "cannot unmarshal number"},
		{"a list of numbers", reply{body: `[17]`}, nil, "cannot unmarshal number"},
		{"null", reply{body: `null`}, errNull, ""},
		{"a list of null", reply{body: `[null]`}, errNotAnEntry, ""},
		{"a list of nothing", reply{body: `[{}]`}, errNotAnEntry, ""},
		{"a check that is null", reply{body: strings.Replace(good, `"Checks":[`, `"Checks":[null,`, 1)}, errNotAnEntry, ""},
		{"half a list", reply{body: good[:len(good)/2]}, io.ErrUnexpectedEOF, ""},
		{"nothing", reply{}, io.EOF, ""},
		{"another server's empty list", reply{body: "[]", noLeader: true}, ErrNoLeader, ""},
		{"a body without end", reply{reader: huge}, errBodyTooLarge, ""},
		{"an error's body without end", reply{status: 500, reader: io.LimitReader(endless{}, 2*testBody)}, nil, "500 (xxx"},
		{"too many instances", reply{body: many}, errTooMany, ""},
	} {
		inBubble(t, c.name, func(t *testing.T) {
			c.reply.index = 11
			f := &fakeConsul{t: t, script: []step{
				{index: 0, reply: lists(10, "a")},
				{index: 10, reply: c.reply},
				{index: 0, reply: lists(12, "a")},
				quiet(12, "a"),
			}}
			r := start(t, f.watch())
			r.want("consul: n/a")
			err := r.want("consul!: n/a").Err
			if c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || len(err.Error()) > 500 {
				t.Errorf("the error is %v", err)
			}
			r.want("consul: n/a")
		})
	}
}

// endless is a text of one letter without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestAHangIsGivenUpAndTheWatchGoesOn(t *testing.T) {
	inBubble(t, "in a blocking query", func(t *testing.T) {
		f := &fakeConsul{t: t, script: []step{
			{index: 0, reply: lists(10, "a")},
			{index: 10, reply: hangs},
			{index: 0, reply: lists(10, "a")},
			quiet(10, "a"),
		}}
		r := start(t, f.watch())
		begin := time.Now()
		r.want("consul: n/a")
		r.want("consul!: n/a")
		if passed, want := time.Since(begin), 50*time.Second+50*time.Second/16+5*time.Second; passed != want {
			t.Errorf("given up after %v, want %v", passed, want)
		}
		r.want("consul: n/a")
	})
	inBubble(t, "in the first question", func(t *testing.T) {
		f := &fakeConsul{t: t, script: []step{
			{index: 0, reply: hangs},
			{index: 0, reply: lists(10, "a")},
			quiet(10, "a"),
		}}
		r := start(t, f.watch())
		r.want("consul!:") // no answer yet
		begin := time.Now()
		r.want("consul!:")
		if passed := time.Since(begin); passed != firstDeadline-firstAnswerWait {
			t.Errorf("given up after %v", passed)
		}
		r.want("consul: n/a")
	})
}

func TestTheHoldEndsWhileConsulIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeConsul{t: t, script: []step{
			{index: 0, reply: lists(10, "a b")},
			{index: 10, reply: reply{fails: io.ErrUnexpectedEOF}},
			{index: 0, reply: lists(3, "a")},
			{index: 3, after: 49 * time.Second, reply: lists(3, "a")},
			quiet(3, "a"), // asked 49 s into the hold, would answer after 99 s
		}}
		r := start(t, f.watch())
		r.want("consul: n/a n/b")
		r.want("consul!: n/a n/b")
		r.want("consul: n/a n/b?")
		begin := time.Now()
		r.want("consul: n/a")
		if passed := time.Since(begin); passed != hold {
			t.Errorf("held for %v, want %v", passed, hold)
		}
	})
}

func TestNothingExpiresWithoutALeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeConsul{t: t, script: []step{
			{index: 0, reply: lists(10, "a b")},
			{index: 10, reply: lists(10, "a").withoutLeader()},
			{index: 0, after: 9 * time.Second, reply: lists(10, "a").withoutLeader(), times: 20},
			{index: 0, after: 9 * time.Second, reply: lists(11, "a")},
			quiet(11, "a"),
		}}
		r := start(t, f.watch())
		r.want("consul: n/a n/b")
		r.want("consul!: n/a n/b?")
		r.want("consul: n/a n/b?")
		begin := time.Now()
		r.want("consul: n/a")
		if passed := time.Since(begin); passed != hold {
			t.Errorf("held for %v from the first good answer, want %v", passed, hold)
		}
	})
}

func TestAnAnsweringServerCannotMakeTheWatchSpin(t *testing.T) {
	for _, c := range []struct {
		name  string
		step  step
		limit int
	}{
		{"that answers blocking queries at once", step{index: 10, reply: lists(10, "a"), times: forEver}, 100 + 10*60 + 1},
		{"that refuses", step{index: 0, reply: reply{fails: errRefused}, times: forEver}, 200},
	} {
		inBubble(t, c.name, func(t *testing.T) {
			f := &fakeConsul{t: t, script: []step{c.step}}
			if c.step.index > 0 {
				f.script = []step{{index: 0, reply: lists(10, "a")}, c.step}
			}
			r := start(t, f.watch())
			r.next()
			sleep(t.Context(), time.Minute)
			r.stop()
			if n := f.questions(); n < 20 || n > c.limit {
				t.Errorf("%d questions in a minute, want 20 to %d", n, c.limit)
			}
		})
	}
}

func TestAFleetThatRegistersOneByOneIsPublishedWithoutDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeConsul{t: t, script: []step{{index: 0, reply: lists(1, "")}}}
		fleet, index := "", uint64(1)
		for i := range 20 {
			for _, state := range []string{"-", "-", ""} { // registered, checked, passing
				f.script = append(f.script, step{index: index, reply: lists(index+1, fmt.Sprintf("%s i%02d%s", fleet, i, state))})
				index++
			}
			fleet += fmt.Sprintf(" i%02d", i)
		}
		f.script = append(f.script, step{index: index, reply: hangs})
		begin := time.Now()
		r := start(t, f.watch())
		for set := r.next(); len(set.Instances) < 20 || !set.Instances[19].Ready; {
			set = r.next()
		}
		if passed := time.Since(begin); passed != 0 {
			t.Errorf("it took %v", passed)
		}
	})
}

func TestARestartedConsulIsFoundFast(t *testing.T) {
	for _, down := range []time.Duration{100 * time.Millisecond, time.Second, time.Minute} {
		inBubble(t, down.String(), func(t *testing.T) {
			f := &fakeConsul{t: t, script: []step{
				{index: 0, reply: lists(10, "a")},
				{index: 10, reply: reply{fails: io.ErrUnexpectedEOF}},
				{index: 0, reply: reply{fails: errRefused}, times: forEver},
			}}
			r := start(t, f.watch())
			r.want("consul: n/a")
			r.want("consul!: n/a") // broken off
			sleep(t.Context(), down)
			f.mu.Lock()
			f.script = []step{{index: 0, reply: lists(10, "a")}, {index: 10, reply: hangs}}
			f.mu.Unlock()
			back := time.Now()
			for r.next().Err != nil { // refused
			}
			if passed := time.Since(back); passed > mostRetry {
				t.Errorf("found after %v", passed)
			}
		})
	}
}

func TestAfterASuccessTheFirstRetryIsQuickAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeConsul{t: t, script: []step{
			{index: 0, reply: reply{fails: errRefused}, times: 50},
			{index: 0, reply: lists(10, "a")},
			{index: 10, reply: reply{fails: errRefused}},
			{index: 0, reply: lists(10, "a")},
			quiet(10, "a"),
		}}
		r := start(t, f.watch())
		for _, want := range []string{"consul!:", "consul: n/a", "consul!: n/a"} {
			r.want(want)
		}
		begin := time.Now()
		r.want("consul: n/a")
		if passed := time.Since(begin); passed > firstRetry {
			t.Errorf("it came after %v", passed)
		}
	})
}

func TestInitialInstances(t *testing.T) {
	for _, c := range []struct {
		name    string
		script  []step
		publish []string
		after   time.Duration // of the first set
	}{
		{"are not published when Consul answers soon", []step{
			{index: 0, after: 900 * time.Millisecond, reply: lists(10, "b")},
			quiet(10, "b"),
		}, []string{"consul: n/b"}, 900 * time.Millisecond},
		{"are published when Consul is silent, and its answer is trusted then", []step{
			{index: 0, after: 5 * time.Second, reply: lists(10, "b")},
			quiet(10, "b"),
		}, []string{"state file!: n/a n/b", "consul: n/b"}, time.Second},
		{"are published at the first error, and held then", []step{
			{index: 0, reply: reply{fails: errRefused}},
			{index: 0, reply: lists(10, "b")},
			quiet(10, "b"),
		}, []string{"state file!: n/a n/b", "consul: n/a? n/b", "consul: n/b"}, 0},
		{"are held when Consul's first answer has none to send requests to", []step{
			{index: 0, reply: lists(10, "b-")},
			quiet(10, "b-"),
		}, []string{"consul: n/a? n/b?", "consul: n/b-"}, 0},
		{"are held when Consul has no leader at first", []step{
			{index: 0, reply: lists(10, "b").withoutLeader()},
			{index: 0, reply: lists(10, "b")},
			quiet(10, "b"),
		}, []string{"consul!: n/a? n/b", "consul: n/a? n/b", "consul: n/b"}, 0},
	} {
		inBubble(t, c.name, func(t *testing.T) {
			begin := time.Now()
			w := (&fakeConsul{t: t, script: c.script}).watch()
			w.Initial = instances("n/b@b.example:80 n/a@a.example:80")
			r := start(t, w)
			for i, want := range c.publish {
				r.want(want)
				if passed := time.Since(begin); i == 0 && passed != c.after {
					t.Errorf("the first set came after %v, want %v", passed, c.after)
				}
			}
			r.stop()
			r.none()
		})
	}
}

func TestSinceIsWhenTheSourceOrItsErrorChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeConsul{t: t, script: []step{
			{index: 0, reply: lists(10, "a")},
			{index: 10, after: time.Second, reply: lists(11, "a b")},
			{index: 11, after: time.Second, reply: reply{fails: errRefused}},
			{index: 0, after: time.Second, reply: reply{fails: errRefused}},
			{index: 0, after: time.Second, reply: lists(11, "a b")},
			quiet(11, "a b"),
		}}
		r := start(t, f.watch())
		first := r.want("consul: n/a").Since
		if !first.Equal(time.Now()) {
			t.Errorf("since %v at first", first)
		}
		if s := r.want("consul: n/a n/b").Since; !s.Equal(first) {
			t.Errorf("since %v after a change of instances", s)
		}
		if s := r.want("consul!: n/a n/b").Since; !s.Equal(time.Now()) {
			t.Errorf("since %v after a failure", s)
		}
		if s := r.want("consul: n/a n/b").Since; !s.Equal(time.Now()) {
			t.Errorf("since %v after recovery", s)
		}
	})
}

func TestEachTransitionAndEachBadInstanceIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := lists(10, "a b c@-c:80 d@d:0")
		f := &fakeConsul{t: t, script: []step{
			{index: 0, reply: bad},
			{index: 10, reply: bad, times: 20},
			{index: 10, reply: reply{fails: errRefused}},
			{index: 0, reply: reply{fails: errRefused}, times: 20},
			{index: 0, reply: lists(10, "a c@-c:81 d@d:0")},
			{index: 10, reply: lists(12, "a c@c:81")},
			{index: 12, reply: lists(13, "a d@d:0")},
			quiet(13, "a d@d:0"),
		}}
		log := &lines{}
		w := f.watch()
		w.Log = log.logger()
		r := start(t, w)
		for _, want := range []string{"consul: n/a n/b", "consul!: n/a n/b", "consul: n/a n/b?", "consul: n/a n/b? n/c", "consul: n/a n/b? n/c?", "consul: n/a"} {
			r.want(want)
		}
		r.stop()
		for _, c := range []struct {
			texts []string
			count int
		}{
			{[]string{"skipped", "service=apps", "instance=n/c", "address", "-c"}, 1},
			{[]string{"skipped", "instance=n/d", "port 0"}, 2}, // it was well in between
			{[]string{"does not answer", "refused"}, 1},
			{[]string{"the source answers"}, 2},
			{[]string{"held", "unconfirmed=1"}, 1},
			{[]string{"no instance is held"}, 1},
			{nil, 8},
		} {
			if got := log.with(c.texts...); len(got) != c.count {
				t.Errorf("%d lines with %q, want %d:\n%s", len(got), c.texts, c.count, strings.Join(log.with(), "\n"))
			}
		}
	})
}

func TestEveryWaitEndsWithTheContext(t *testing.T) {
	for _, c := range []struct {
		name   string
		script []step
	}{
		{"for an answer", []step{{index: 0, reply: hangs, times: forEver}}},
		{"for a change", []step{{index: 0, reply: lists(10, "a")}, {index: 10, reply: hangs}}},
		{"for the next attempt", []step{{index: 0, reply: reply{fails: errRefused}, times: forEver}}},
		{"for the rate", []step{{index: 0, reply: lists(10, "a")}, {index: 10, reply: lists(10, "a"), times: forEver}}},
	} {
		inBubble(t, c.name, func(t *testing.T) {
			r := start(t, (&fakeConsul{t: t, script: c.script}).watch())
			sleep(t.Context(), 30*time.Second+time.Millisecond)
			begin := time.Now()
			r.stop()
			if passed := time.Since(begin); passed != 0 {
				t.Errorf("it took %v", passed)
			}
		})
	}
}

func TestAWatchNeedsAClientAndAService(t *testing.T) {
	client := (&fakeConsul{t: t}).client()
	for _, w := range []Watch{{}, {Client: client}, {Service: "apps"}} {
		if err := w.Run(t.Context(), nil); err == nil {
			t.Errorf("%+v ran", w)
		}
	}
}

func TestTheTagIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeConsul{t: t, script: []step{{index: 0, reply: hangs}}}
		w := f.watch()
		w.Tag = "blue"
		seen := make(chan string, 1)
		conf := &api.Config{Address: "consul.example", HttpClient: roundTripper(func(url string) { seen <- url }, f)}
		var err error
		if w.Client, err = NewClient(conf); err != nil {
			t.Fatal(err)
		}
		start(t, w)
		if url := <-seen; !strings.Contains(url, "tag=blue") {
			t.Errorf("asked for %s", url)
		}
	})
}
