package discovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"
	"golang.org/x/time/rate"
)

const (
	// watchWait is how long Consul may keep a question whose answer has not changed.
	watchWait = 50 * time.Second
	// watchDeadline is when a blocking query is given up: Consul adds up to a
	// sixteenth to the wait, so that its watchers do not return in step; the rest is
	// for the answer's way. A connection that a partition cut in silence would
	// otherwise hang for TCP's quarter of an hour (traefik#11688).
	watchDeadline = watchWait + watchWait/16 + 5*time.Second
	// firstDeadline is the same for a question that Consul answers at once. An agent
	// that has no server tries for 7 s before it says so.
	firstDeadline = 10 * time.Second

	// A server that answers blocking queries at once must not make the watch spin
	// (consul#3890): it gets this many questions a second. The burst lets a whole
	// fleet register one by one, each in three steps, without any waiting.
	watchRate  = 10
	watchBurst = 100
)

// ErrNoLeader is in [Set.Err] while Consul's servers have no leader. What they list
// is used, but removals are not believed.
var ErrNoLeader = errors.New("consul's servers have no leader")

var (
	errNull     = errors.New("the answer is null, not a list")
	errTooMany  = fmt.Errorf("more than %d instances listed", MaxInstances)
	errACL      = errors.New("consul lists no instance and its ACLs hide some: the token needs node:read and service:read")
	errBackward = errors.New("consul's index went backwards")
)

// Watch is the [Source] that asks Consul's HTTP API, with blocking queries:
// https://developer.hashicorp.com/consul/api-docs/features/blocking. A change is
// published as soon as Consul answers.
type Watch struct {
	// Client asks Consul. [NewClient] makes one that bounds the answers' size.
	Client *api.Client
	// Service is the service's name in Consul.
	Service string
	// Tag restricts the list to instances that have it; empty for all.
	Tag string
	// Hold is how long instances are kept unconfirmed; 0 keeps none.
	Hold time.Duration
	// Initial is what [Load] found in the state file, or nil.
	Initial []Instance
	// Log takes a line per transition and per instance skipped; nil for none.
	Log *slog.Logger
}

// Run implements [Source].
func (w Watch) Run(ctx context.Context, publish func(Set)) error {
	if w.Client == nil || w.Service == "" {
		return errors.New("discovery: a watch needs a client and a service")
	}
	log := logger(w.Log, w.Service)
	q := query{Watch: w, limit: rate.NewLimiter(watchRate, watchBurst), skipped: complaints{log: log}}
	follow(ctx, fromConsul, w.Hold, w.Initial, log, q.ask, publish)
	return nil
}

// query is a watch's place in Consul's history.
type query struct {
	Watch
	index   uint64 // of the last answer; 0 asks for the present state at once
	limit   *rate.Limiter
	skipped complaints
}

// ask asks once. Any failure sends it back to index 0: a Consul that lost its memory
// would keep a question with an index it has not reached yet until the wait is over.
func (q *query) ask(ctx context.Context) answer {
	listed, index, err := q.list(ctx)
	switch {
	case err != nil:
		q.index = 0
		return answer{listed: listed, err: fmt.Errorf("ask consul: %w", err)}
	case index < q.index:
		q.index = 0
		return answer{listed: listed, broke: errBackward}
	}
	q.index = max(index, 1)
	return answer{listed: listed}
}

// list gives what Consul lists and the index of that.
func (q *query) list(ctx context.Context) ([]listing, uint64, error) {
	if err := q.limit.Wait(ctx); err != nil {
		return nil, 0, err // the context has ended
	}
	opts, deadline := &api.QueryOptions{AllowStale: true}, firstDeadline
	if q.index > 0 {
		opts.WaitIndex, opts.WaitTime, deadline = q.index, watchWait, watchDeadline
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	// Without the passing filter, to tell not ready from gone.
	entries, meta, err := q.Client.Health().Service(q.Service, q.Tag, false, opts.WithContext(ctx))
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, 0, fmt.Errorf("no answer within %v: %w", deadline, context.DeadlineExceeded)
	case err != nil:
		return nil, 0, shorten(err)
	case entries == nil:
		return nil, 0, errNull
	case len(entries) > MaxInstances:
		return nil, 0, errTooMany
	case len(entries) == 0 && meta.ResultsFilteredByACLs:
		return nil, 0, errACL
	}
	listed, wrong, err := fromEntries(entries)
	if err != nil {
		return nil, 0, err
	}
	q.skipped.report(wrong)
	// An agent that answers from a stream of its own (X-Consul-Query-Backend:
	// streaming, the default for a blocking query) does not know the leader and
	// always says that there is none.
	if !meta.KnownLeader && meta.QueryBackend != api.QueryBackendStreaming {
		err = ErrNoLeader
	}
	return listed, meta.LastIndex, err
}

// shorten leaves out what does not help: the URL with its changing index, and most of
// the body of an answer that is not a 200, which consul/api puts into its error whole.
func shorten(err error) error {
	if request := new(url.Error); errors.As(err, &request) {
		return withoutSource(request.Err)
	}
	var status api.StatusError
	if !errors.As(err, &status) {
		return err
	}
	status.Body = strings.Join(strings.Fields(status.Body), " ")
	if len(status.Body) > 200 {
		status.Body = strings.ToValidUTF8(status.Body[:200], "") + "..."
	}
	return status
}
