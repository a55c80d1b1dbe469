// Package queue is a queue of jobs on Redis Streams that loses none: each step of a job
// from being enqueued to its end is one transition in Redis, and what is pending there is
// the only lease on a job. A job runs at least once; its result is recorded once.
//
// Any language can enqueue a job, in a queue NAME for a handler H, with one command:
//
//	redis-cli XADD 'queue:{NAME}:normal' '*' handler H payload '{...}'
//
// More fields that such a job may have are told by transitions/common.lua, and options,
// the JSON in one of them, by options.go. What cannot be run goes to the failed queue with
// all that was written.
package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"
)

// The bounds of one call that enqueues jobs, which are well within Redis's own.
const (
	MaxBatch      = 1000     // jobs
	MaxBatchBytes = 64 << 20 // of payloads, together
)

// DefaultBound is how many jobs a queue holds that is not told.
const DefaultBound = 1_000_000

// ErrFull is Enqueue's error when the queue holds as many jobs as it may.
var ErrFull = errors.New("the queue is full")

// Queue is one queue. It is safe for use by many goroutines.
type Queue struct {
	// Bound is how many jobs, waiting, running and delayed together, it may hold for
	// Enqueue to add more. Set it before use.
	Bound int64

	name  string
	keys  keys
	redis redis.UniversalClient
}

// Open returns the queue of that name. It is there from its first job on, and asks Redis
// nothing before it is used. The client must not repeat commands by itself.
func Open(client redis.UniversalClient, name string) (*Queue, error) {
	if err := CheckName(name); err != nil {
		return nil, fmt.Errorf("the queue's name: %w", err)
	}
	return &Queue{Bound: DefaultBound, name: name, keys: keysOf(name), redis: client}, nil
}

// Name is the queue's name.
func (q *Queue) Name() string { return q.name }

// Receipt is what became of a job that was to be enqueued.
type Receipt struct {
	ID        string // the job's
	Duplicate bool   // it was not added: ID is of the one that has its ID or key already
}

// Enqueue adds jobs, MaxBatch and MaxBatchBytes at most, in one step: all of them, but for
// those that are there already, or none. It returns a receipt for each. When it returns nil,
// they are in Redis (and on its disk, as far as Redis has been told to see to that); after an
// error other than ErrFull they may be. A job with an ID of the caller's can be enqueued again
// without harm while it is there, and one with a Key whose result is kept also after it was
// done.
func (q *Queue) Enqueue(ctx context.Context, jobs ...New) ([]Receipt, error) {
	if len(jobs) == 0 {
		return nil, nil
	}
	if len(jobs) > MaxBatch {
		return nil, fmt.Errorf("%d jobs at once, more than %d", len(jobs), MaxBatch)
	}
	receipts := make([]Receipt, len(jobs))
	keys := q.keys.with(q.keys.state, q.keys.delayed, q.keys.ids)
	args := make([]any, 0, 1+6*len(jobs))
	args = append(args, q.Bound)
	bytes := 0
	for n := range jobs {
		j := &jobs[n]
		if err := j.check(); err != nil {
			if len(jobs) > 1 {
				return nil, fmt.Errorf("job %d of %d: %w", n+1, len(jobs), err)
			}
			return nil, err
		}
		if bytes += len(j.Payload); bytes > MaxBatchBytes {
			return nil, fmt.Errorf("payloads: more than %d bytes at once", MaxBatchBytes)
		}
		id, o := j.start()
		receipts[n].ID = id
		args = append(args, id, o.Named, j.Priority.lane(), ms(j.Delay), j.Key != "", wire(id, j.Handler, o, j.Payload))
		if j.Key != "" {
			keys = append(keys, q.keys.of(j.Key))
		}
	}
	reply, err := enqueueScript.Run(ctx, q.redis, keys, args...).Result()
	if err != nil {
		return nil, fmt.Errorf("enqueue: %w", err)
	}
	switch r := reply.(type) {
	case int64:
		return nil, fmt.Errorf("%w: it holds %d jobs of %d", ErrFull, -r-1, q.Bound)
	case []any:
		if len(r) != len(jobs) {
			return nil, fmt.Errorf("enqueue: %w", errReply)
		}
		for n := range r {
			if there, _ := r[n].(string); there != "" {
				receipts[n] = Receipt{ID: there, Duplicate: true}
			}
		}
		return receipts, nil
	default:
		return nil, fmt.Errorf("enqueue: %w", errReply)
	}
}

// Announce enters the queue in the list that Names returns.
func (q *Queue) Announce(ctx context.Context) error {
	return q.redis.SAdd(ctx, names, q.name).Err()
}

// Names are the queues that were announced, sorted.
func Names(ctx context.Context, client redis.UniversalClient) ([]string, error) {
	all, err := client.SMembers(ctx, names).Result()
	slices.Sort(all)
	return all, err
}

// Result returns the result that is kept of a job; false if there is none.
func (q *Queue) Result(ctx context.Context, id string) (result []byte, ok bool, err error) {
	result, err = q.redis.Get(ctx, q.keys.result(id)).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, false, nil
	}
	return result, err == nil, err
}

// Pause keeps jobs from being claimed until Resume; what Wait returns meanwhile is not to
// be begun. What runs goes on, and jobs can be enqueued.
func (q *Queue) Pause(ctx context.Context) error {
	return q.redis.HSet(ctx, q.keys.state, "paused", 1).Err()
}

// Paused reports whether the queue is.
func (q *Queue) Paused(ctx context.Context) (bool, error) {
	return q.redis.HExists(ctx, q.keys.state, "paused").Result()
}

// Resume ends what Pause began.
func (q *Queue) Resume(ctx context.Context) error {
	return q.redis.HDel(ctx, q.keys.state, "paused").Err()
}
