// Package mapreduce reads the lines of many files with many workers: it divides files into
// shards, groups the lines of each, and merges the groups, in stages, on the queue of jobs.
//
// A run lives in Redis. Whoever starts it can go away: workers take it from stage to stage,
// and anybody can look at it, take its result or cancel it. A shard counts once, however
// often it is done, as its ID is recorded together with what was made of it; so the result
// is the same whoever dies meanwhile.
package mapreduce

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"formation/worker/queue"
)

// Life is how long a run has from its start, and ResultLife how long its result can be had
// from its end.
const (
	Life       = 24 * time.Hour
	ResultLife = time.Hour
)

// Runs are all runs in a Redis. It is safe for use by many goroutines.
type Runs struct{ redis redis.UniversalClient }

// NewRuns returns the runs of a Redis. The client must not repeat commands by itself.
func NewRuns(client redis.UniversalClient) *Runs { return &Runs{client} }

// ErrNoRun is the error about a run that there is not, or no longer.
var ErrNoRun = errors.New("there is no such run")

// NewName makes a name for a run, which nobody else has.
func NewName() string { return strings.ToLower(rand.Text()[:8]) }

// Start starts a run, whose jobs are enqueued in q. After an error it can be called again
// with the same name: it starts one run. Of a spec that is no good the error says what is
// wrong.
func (r *Runs) Start(ctx context.Context, q *queue.Queue, name string, spec Spec) error {
	if err := checkRun(name); err != nil {
		return err
	}
	if err := spec.Complete(); err != nil {
		return err
	}
	text, err := marshal(&spec)
	if err != nil {
		return err
	}
	expires := time.Now().Add(Life)
	if err := r.redis.ZRemRangeByScore(ctx, runs, "-inf", strconv.FormatInt(time.Now().UnixMilli(), 10)).Err(); err != nil {
		return err
	}
	if err := r.redis.ZAdd(ctx, runs, redis.Z{Score: float64(expires.UnixMilli()), Member: name}).Err(); err != nil {
		return err
	}
	args := []any{Life.Milliseconds(), "spec", text, "queue", q.Name()}
	for stage := merge; stage <= spec.last(); stage++ {
		args = append(args, "total"+strconv.Itoa(stage), partitions)
	}
	if err := createScript.Run(ctx, r.redis, []string{keysOf(name).run}, args...).Err(); err != nil {
		return err
	}
	if err := enqueueStage(ctx, r.redis, q, name, 0, plan); err != nil {
		return err
	}
	return q.Announce(ctx)
}

// List returns the runs that there are, newest first, but for those of a newer version.
func (r *Runs) List(ctx context.Context) ([]Status, error) {
	now := strconv.FormatInt(time.Now().UnixMilli(), 10)
	if err := r.redis.ZRemRangeByScore(ctx, runs, "-inf", now).Err(); err != nil {
		return nil, err
	}
	names, err := r.redis.ZRevRange(ctx, runs, 0, -1).Result()
	if err != nil {
		return nil, err
	}
	var all []Status
	for _, name := range names {
		s, err := r.Status(ctx, name)
		if errors.Is(err, ErrNoRun) || errors.Is(err, errSpec) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	slices.SortStableFunc(all, func(a, b Status) int { return b.Created.Compare(a.Created) })
	return all, nil
}

// Cancel ends a run and deletes what it has stored, its result too. It reports whether
// there was something to cancel.
func (r *Runs) Cancel(ctx context.Context, name string) (bool, error) {
	if err := checkRun(name); err != nil {
		return false, err
	}
	n, err := r.redis.Exists(ctx, keysOf(name).run).Result()
	if err == nil && n == 0 {
		err = ErrNoRun
	}
	if err != nil {
		return false, err
	}
	return end(ctx, r.redis, name, Cancelled, "it was cancelled")
}

// fail ends a run that has failed, unless it was begun again meanwhile.
func fail(ctx context.Context, client redis.UniversalClient, name string, epoch int64, why string) error {
	_, err := end(ctx, client, name, Failed, why, epoch)
	return err
}

func end(ctx context.Context, client redis.UniversalClient, name string, state State, why string, epoch ...any) (bool, error) {
	k := keysOf(name)
	n, err := endScript.Run(ctx, client, append([]string{k.run}, k.rest()...), append([]any{string(state), why}, epoch...)...).Int()
	return n == 1, err
}

// Nudge looks after a run that does not get on: it enqueues again what Redis may have lost
// with its last second, and when one of its jobs has failed without a worker that could say
// so, the run has failed, too.
func (r *Runs) Nudge(ctx context.Context, s Status) error {
	if s.State != Running || s.Spec.Ordered && s.Stage == split { // its lines' reader does
		return nil
	}
	q, err := queue.Open(r.redis, s.Queue)
	if err != nil {
		return err
	}
	return r.nudge(ctx, q, s.Name, s.epoch, s.Stage, 0, s.Shards)
}

// nudge is Nudge for some of a stage's shards.
func (r *Runs) nudge(ctx context.Context, q *queue.Queue, run string, epoch int64, stage, from, to int) error {
	for ; from < to; from += queue.MaxBatch {
		upTo := min(to, from+queue.MaxBatch)
		shards := make([]any, 0, upTo-from)
		for n := from; n < upTo; n++ {
			shards = append(shards, n)
		}
		recorded, err := r.redis.SMIsMember(ctx, keysOf(run).recorded(stage), shards...).Result()
		if err != nil {
			return err
		}
		var ids []string // what is recorded may have failed since
		for n, done := range recorded {
			if t := (task{Run: run, Epoch: epoch, Stage: stage, Shard: from + n}); !done {
				ids = append(ids, t.id())
			}
		}
		failed, there, err := q.FirstFailed(ctx, ids...)
		if err != nil {
			return err
		}
		if there {
			return fail(ctx, r.redis, run, epoch, fmt.Sprintf("job %s: %s", failed.ID, failed.Error))
		}
		err = enqueueShards(ctx, r.redis, q, run, epoch, stage, from, upTo)
		if errors.Is(err, errOver) || errors.Is(err, queue.ErrFull) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}
