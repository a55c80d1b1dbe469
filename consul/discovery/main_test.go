package discovery

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running is a source that runs, and what it published.
type running struct {
	t    *testing.T
	sets chan Set
	stop func() // ends it and waits for it; called at the test's end at the latest
}

// start runs a source until the test ends.
func start(t *testing.T, s Source) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t: t, sets: make(chan Set, 1000)}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, func(set Set) { r.sets <- set }) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

// next waits for the next set.
func (r *running) next() Set {
	r.t.Helper()
	select {
	case set := <-r.sets:
		return set
	case <-time.After(5 * time.Minute):
		r.t.Fatal("nothing was published")
		return Set{}
	}
}

// want waits for the next set and compares it: "from: instances" or "from!: instances"
// where the source does not answer.
func (r *running) want(text string) Set {
	r.t.Helper()
	set := r.next()
	if got := describe(set); got != text {
		r.t.Fatalf("published %q (error %v), want %q", got, set.Err, text)
	}
	return set
}

// none makes sure that nothing more was published.
func (r *running) none() {
	r.t.Helper()
	select {
	case set := <-r.sets:
		r.t.Fatalf("published %q (error %v), want nothing", describe(set), set.Err)
	default:
	}
}

func describe(set Set) string {
	from := set.From
	if set.Err != nil {
		from += "!"
	}
	return strings.TrimSpace(from + ": " + short(set.Instances))
}

// short writes instances as IDs: "a" is ready, "a-" is not, "a?" is unconfirmed.
func short(instances []Instance) string {
	var words []string
	for _, i := range instances {
		state := "-"
		switch {
		case i.Ready && i.Unconfirmed:
			state = "!both"
		case i.Unconfirmed:
			state = "?"
		case i.Ready:
			state = ""
		}
		words = append(words, i.ID+state)
	}
	return strings.Join(words, " ")
}

// lines is a log whose lines can be counted.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, strings.TrimSpace(string(p)))
	return len(p), nil
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// with gives the lines that contain all the texts.
func (l *lines) with(texts ...string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
next:
	for _, line := range l.all {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue next
			}
		}
		found = append(found, line)
	}
	return found
}

// instances reads what short writes, with addresses "host:port" after an @:
// "a a@h:1 b-". Without one, the address is the ID's own.
func instances(text string) []Instance {
	var all []Instance
	for _, l := range listings(text) {
		all = append(all, l.Instance)
	}
	return all
}

// listings reads the same; "a~" is in maintenance.
func listings(text string) []listing {
	var all []listing
	for word := range strings.FieldsSeq(text) {
		word, addr, _ := strings.Cut(word, "@")
		id := strings.TrimRight(word, "-?~")
		if addr == "" {
			addr = fmt.Sprintf("%s.example:80", id)
		}
		state := strings.TrimPrefix(word, id)
		all = append(all, listing{
			Instance:    Instance{ID: id, Addr: addr, Weight: 1, Ready: state == "", Alive: true, Unconfirmed: state == "?"},
			maintenance: state == "~",
		})
	}
	return all
}
