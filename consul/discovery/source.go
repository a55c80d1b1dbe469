package discovery

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"reflect"
	"slices"
	"time"
)

// MaxInstances is how many instances of one service a source accepts. A longer list
// is an error, and what was known before stays.
const MaxInstances = 10_000

// Source finds the instances of one service. [Watch], [DNS] and [Static] are sources.
type Source interface {
	// Run publishes whole sets until the context ends, then returns nil after all
	// its goroutines have ended. An error means that it cannot run at all, as when
	// no service is named.
	//
	// publish is called from one goroutine, and only when something has changed:
	// an instance, where the set comes from, or why the source does not answer. It
	// should return soon, for it holds up the source. A set is never modified once
	// it was published.
	Run(ctx context.Context, publish func(Set)) error
}

// What [Set] has in From.
const (
	fromConsul    = "consul"
	fromDNS       = "dns"
	fromStatic    = "static"
	fromStateFile = "state file"
)

// firstAnswerWait is how long Run waits for the source's first answer before it
// publishes what the state file had.
const firstAnswerWait = time.Second

// The waits between attempts while a source fails. The first retries come at once,
// so that an agent that was restarted is found within tens of milliseconds, and no
// wait is long, since it is most often one's own machine that is asked.
const (
	firstRetry = 50 * time.Millisecond
	mostRetry  = 2 * time.Second
)

var errNoAnswerYet = errors.New("no answer yet")

// answer is what a source says when asked once.
type answer struct {
	listed []listing     // where err is set, what it listed nevertheless
	broke  error         // the answer is good, but what came before cannot be built on
	err    error         // why there is no good answer
	next   time.Duration // how long to wait before asking again, where neither is set
}

// follower asks a source again and again, and publishes its answers by the hold rule.
type follower struct {
	source  string // for Set.From once it has answered
	ask     func(context.Context) answer
	publish func(Set)
	log     *slog.Logger

	keep keeper
	last Set // as published last; Since is zero before the first
}

// follow runs a follower until the context ends.
func follow(ctx context.Context, source string, hold time.Duration, initial []Instance,
	log *slog.Logger, ask func(context.Context) answer, publish func(Set)) {
	f := follower{source: source, ask: ask, publish: publish, log: log, keep: keeper{hold: hold}}
	for _, i := range initial {
		f.keep.listed = append(f.keep.listed, listing{Instance: i})
	}
	ctx, cancel := context.WithCancel(ctx)
	answers, done := make(chan answer), make(chan struct{})
	go func() {
		defer close(done)
		f.poll(ctx, answers)
	}()
	defer func() {
		cancel()
		<-done
	}()

	// The timer is beside the questions, not between them: one may hang for a
	// minute while an instance's time runs out.
	timer := time.NewTimer(firstAnswerWait)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-answers:
			f.take(a, time.Now())
		case <-timer.C:
			f.tick(time.Now())
		}
		timer.Stop()
		if d := f.keep.deadline(); !d.IsZero() {
			timer.Reset(time.Until(d))
		}
	}
}

// poll asks and hands the answers over until the context ends.
func (f *follower) poll(ctx context.Context, answers chan<- answer) {
	retry := backoff{first: firstRetry, most: mostRetry, random: rand.Float64}
	for {
		a := f.ask(ctx)
		if ctx.Err() != nil { // then that is what it failed for
			return
		}
		select {
		case answers <- a:
		case <-ctx.Done():
			return
		}
		wait := a.next
		if a.err != nil || a.broke != nil {
			wait = retry.next()
		} else {
			retry.reset()
		}
		if !sleep(ctx, wait) {
			return
		}
	}
}

// take applies an answer.
func (f *follower) take(a answer, now time.Time) {
	if a.broke != nil {
		f.log.Warn("discovery: removals are not believed for a while", "reason", a.broke, "hold", f.keep.hold)
	}
	if a.broke != nil || a.err != nil {
		f.keep.fail()
	}
	if a.err == nil || len(a.listed) > 0 {
		f.keep.list(a.listed, now)
	}
	if a.err != nil {
		f.keep.fail() // the list did not mend it
	}
	f.show(a.err, now)
}

// tick applies the passing of time.
func (f *follower) tick(now time.Time) {
	if f.last.Since.IsZero() {
		f.show(errNoAnswerYet, now)
		return
	}
	f.keep.expire(now)
	f.show(f.last.Err, now)
}

// show publishes the present set if it differs from the last one.
func (f *follower) show(err error, now time.Time) {
	set := Set{Instances: f.keep.instances(), From: f.source, Err: err, Since: f.last.Since}
	if !f.keep.started && len(set.Instances) > 0 {
		set.From = fromStateFile
	}
	first := f.last.Since.IsZero()
	sameSource := !first && set.From == f.last.From && errorText(set.Err) == errorText(f.last.Err)
	if sameSource && reflect.DeepEqual(set.Instances, f.last.Instances) {
		return
	}
	if !sameSource {
		set.Since = now
	}
	f.logChange(f.last, set, first)
	f.last = set
	f.publish(set)
}

// logChange writes a line for a transition: the source fails, it answers, instances
// are held, none is held any more.
func (f *follower) logChange(old, set Set, first bool) {
	count := len(set.Instances)
	switch {
	case set.Err != nil && (first || old.Err == nil):
		f.log.Warn("discovery: the source does not answer, what was known stays",
			"error", set.Err, "from", set.From, "instances", count)
	case set.Err == nil && (first || old.Err != nil):
		f.log.Info("discovery: the source answers", "from", set.From, "instances", count)
	}
	switch was, is := unconfirmed(old), unconfirmed(set); {
	case is > 0 && was == 0:
		f.log.Warn("discovery: instances are no longer listed as ready, but held",
			"unconfirmed", is, "instances", count, "hold", f.keep.hold)
	case is == 0 && was > 0:
		f.log.Info("discovery: no instance is held any more", "instances", count)
	}
}

func unconfirmed(set Set) int {
	n := 0
	for _, i := range set.Instances {
		if i.Unconfirmed {
			n++
		}
	}
	return n
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// withoutSource leaves one's own port out of a network error, so that the same
// failure has the same text, and is published once.
func withoutSource(err error) error {
	op := new(net.OpError)
	if !errors.As(err, &op) {
		return err
	}
	stripped := *op
	stripped.Source = nil
	return &stripped
}

// complaints logs what is wrong with an instance once, not at every answer.
type complaints struct {
	log   *slog.Logger
	known map[string]string // what was wrong with which instance in the last answer
}

// report takes all that is wrong in one answer, by instance.
func (c *complaints) report(wrong map[string]error) {
	now := make(map[string]string, len(wrong))
	for _, instance := range slices.Sorted(maps.Keys(wrong)) {
		now[instance] = wrong[instance].Error()
		if c.known[instance] != now[instance] {
			c.log.Warn("discovery: instance skipped", "instance", instance, "error", wrong[instance])
		}
	}
	c.known = now
}

// logger gives the log to write to, for a field that may be nil.
func logger(log *slog.Logger, service string) *slog.Logger {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return log.With("service", service)
}
