package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Consumer is who takes jobs off a queue, under a name of its own. What it has claimed
// it holds by a lease: it has to Extend it, or others may reclaim the job.
type Consumer struct {
	*Queue
	id    string
	lease time.Duration
}

// Consumer returns one. No other may ever have had the same id; lease is how long it can
// hold a job without a word.
func (q *Queue) Consumer(id string, lease time.Duration) *Consumer { return &Consumer{q, id, lease} }

// group is the lanes' consumer group, as transitions/common.lua has it.
const group = "workers"

// maxMoves is how many delayed jobs that are due one Claim moves to their lanes.
const maxMoves = 200

// Claimed is what Claim returns.
type Claimed struct {
	Jobs   []*Delivery
	Paused bool // no job is to be begun
	// Due is in what time the next delayed job is; negative: there is none.
	Due time.Duration
}

// Claim claims up to n jobs, those with a higher priority first, and does not wait for
// any. It claims none while the queue is paused; what it claimed as it was being paused is
// not to be begun, but to be returned.
func (c *Consumer) Claim(ctx context.Context, n int) (Claimed, error) {
	state, err := c.numbers(ctx, promoteScript, 2, c.keys.with(c.keys.state, c.keys.delayed), maxMoves)
	if err != nil {
		return Claimed{}, err
	}
	claimed := Claimed{Paused: state[0] == 1, Due: time.Duration(state[1]) * time.Millisecond}
	for lane := 1; lane <= priorities && len(claimed.Jobs) < n && !claimed.Paused; lane++ {
		jobs, paused, err := c.read(ctx, lane, n-len(claimed.Jobs))
		claimed.Jobs, claimed.Paused = append(claimed.Jobs, jobs...), paused
		if err != nil {
			return claimed, err
		}
	}
	return claimed, nil
}

// read claims up to n jobs of a lane, and then looks whether the queue is paused: in that
// order, so that what is begun was claimed before. It is no script, as a script would
// take Redis twice as long: what it reads is made into Lua's tables and back.
func (c *Consumer) read(ctx context.Context, lane, n int) (jobs []*Delivery, paused bool, err error) {
	pipe := c.redis.Pipeline()
	entries := pipe.Do(ctx, "XREADGROUP", "GROUP", group, c.id, "COUNT", n, "STREAMS", c.keys.lanes[lane-1], ">")
	is := pipe.HExists(ctx, c.keys.state, "paused")
	_, _ = pipe.Exec(ctx) // each says for itself
	reply, err := entries.Result()
	switch {
	case errors.Is(err, redis.Nil):
		err = nil
	case err == nil:
		jobs, err = streamed(lane, reply)
	}
	if err == nil {
		paused, err = is.Result()
	}
	return jobs, paused, err
}

// Wait waits for jobs, for a time at most, and claims up to n of each priority. It does
// not know whether the queue is paused: Claim does, and is to be asked before they are
// begun. It is an error when there is nothing at all to wait on, which a Claim that finds
// no job mends.
func (c *Consumer) Wait(ctx context.Context, n int, most time.Duration) ([]*Delivery, error) {
	streams := append(c.keys.lanes[:], ">", ">", ">")
	n = max(n, 1) // for Redis 0 is no limit
	got, err := c.redis.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: group, Consumer: c.id, Streams: streams, Count: int64(n), Block: max(most, time.Millisecond),
	}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	var jobs []*Delivery
	for _, s := range got {
		for lane, key := range c.keys.lanes {
			if key != s.Stream {
				continue
			}
			for _, m := range s.Messages {
				fields := make([]string, 0, 2*len(m.Values))
				for name, value := range m.Values {
					v, _ := value.(string) // Redis has nothing else there
					fields = append(fields, name, v)
				}
				jobs = append(jobs, delivery(lane+1, m.ID, fields, 1))
			}
		}
	}
	return jobs, err
}

// maxUnwatched is the longest time that may pass between two calls of Reclaim, by whomever,
// without all leases counting anew.
const maxUnwatched = 3 * time.Second

// Reclaim claims up to n jobs whose leases have run out. Somebody has to call it about
// once a second, if only with 0 for n: leases that ran out while nobody did do not count,
// and a worker counts as one while it does. What it returns may be the consumer's own,
// which it did not extend in time, or of which it never knew, as an answer was lost.
func (c *Consumer) Reclaim(ctx context.Context, n int) ([]*Delivery, error) {
	reply, err := reclaimScript.Run(ctx, c.redis, c.keys.with(c.keys.state, c.keys.workers, c.keys.leases), c.id, c.lease.Milliseconds(), min(maxUnwatched, c.lease/3).Milliseconds(), n).Result()
	if err != nil {
		return nil, err
	}
	return reclaimed(reply)
}

// Extend extends the leases on jobs, and returns those that are no longer the consumer's.
func (c *Consumer) Extend(ctx context.Context, jobs []Place) (lost []Place, err error) {
	for len(jobs) > 0 {
		part := jobs[:min(len(jobs), MaxBatch)]
		jobs = jobs[len(part):]
		mine, err := c.numbers(ctx, extendScript, len(part), c.keys.lanes[:], c.with(part)...)
		if err != nil {
			return nil, err
		}
		for n, is := range mine {
			if is == 0 {
				lost = append(lost, part[n])
			}
		}
	}
	return lost, nil
}

// Acknowledge ends jobs that are done and [Delivery.Plain]. It returns how many count:
// one whose lease was lost may have been ended by another.
func (c *Consumer) Acknowledge(ctx context.Context, jobs []*Delivery) (counted int64, err error) {
	args := make([]any, 2, 2+len(jobs))
	var per [priorities]int
	for lane := 1; lane <= priorities; lane++ {
		for _, d := range jobs {
			if d.lane == lane {
				args = append(args, d.entry)
				per[lane-1]++
			}
		}
	}
	args[0], args[1] = per[0], per[1]
	n, err := c.once(ctx, acknowledgeScript, c.keys.with(c.keys.state, c.keys.rate), args...)
	return n, err
}

// Complete ends a job that is done, with its result. It reports whether that counts, or
// another has ended it before.
func (c *Consumer) Complete(ctx context.Context, d *Delivery, result []byte) (counted bool, err error) {
	k, o := &c.keys, &d.options
	unique := k.result(d.ID)
	if o.Key != "" {
		unique = k.of(o.Key)
	}
	keys := []string{k.state, k.rate, k.lanes[d.lane-1], k.ids, k.result(d.ID), unique}
	args := []any{d.entry, d.ID, o.Named, result, o.Keep, o.Key != ""}
	if o.Then != "" {
		then := keysOf(o.Then)
		keys = append(keys, then.state, then.ids, then.lanes[d.lane-1])
		args = append(args, wire(d.ID, cmp.Or(o.ThenHandler, d.Handler), options{Named: o.Named}, result))
	}
	n, err := c.once(ctx, completeScript, keys, args...)
	return n == 1, err
}

// Retry puts a job off whose attempt has failed, to be tried again after a delay. It
// reports whether that counts.
func (c *Consumer) Retry(ctx context.Context, d *Delivery, delay time.Duration) (counted bool, err error) {
	return c.putOff(ctx, d, d.Attempt, delay, "retried")
}

// PutOff hands a job back to the queue, no attempt spent, to be taken after a delay. It
// reports whether that counts.
func (c *Consumer) PutOff(ctx context.Context, d *Delivery, delay time.Duration) (counted bool, err error) {
	return c.putOff(ctx, d, d.Attempt-1, delay, "handed_back")
}

func (c *Consumer) putOff(ctx context.Context, d *Delivery, attempts int, delay time.Duration, as string) (counted bool, err error) {
	k := &c.keys
	n, err := c.once(ctx, retryScript, []string{k.state, k.lanes[d.lane-1], k.delayed},
		d.entry, d.lane, wire(d.ID, d.Handler, d.again(attempts), d.Payload), ms(delay), as)
	return n == 1, err
}

// maxError is how much of an error is kept, in bytes.
const maxError = 4 << 10

// Fail puts a job into the failed queue, after that many attempts. It reports whether
// that counts.
func (c *Consumer) Fail(ctx context.Context, d *Delivery, cause string, attempts int) (counted bool, err error) {
	if len(cause) > maxError {
		cause = cause[:maxError]
	}
	k := &c.keys
	keys := []string{k.state, k.lanes[d.lane-1], k.failed, k.ids}
	if d.options.Key != "" {
		keys = append(keys, k.of(d.options.Key))
	}
	n, err := c.once(ctx, failScript, keys, d.entry, d.lane, d.ID, cause, attempts)
	return n == 1, err
}

// HandBack hands all that the consumer owes back to the queue, what was on its way to it
// included: others may take it at once, and no attempt is spent. It returns how many jobs
// that were.
func (c *Consumer) HandBack(ctx context.Context) (int64, error) {
	return c.once(ctx, handbackScript, c.keys.with(c.keys.state), c.id)
}

// Return hands these jobs alone back, those of them that are the consumer's. It returns how
// many that were.
func (c *Consumer) Return(ctx context.Context, jobs []Place) (int64, error) {
	if len(jobs) == 0 {
		return 0, nil
	}
	return c.once(ctx, handbackScript, c.keys.with(c.keys.state), c.with(jobs)...)
}

// with are the arguments of a transition of these jobs.
func (c *Consumer) with(jobs []Place) []any {
	args := make([]any, 0, 1+2*len(jobs))
	args = append(args, c.id)
	for _, p := range jobs {
		args = append(args, p.lane, p.entry)
	}
	return args
}

// Leave makes the queue forget the consumer, unless it owes something: then it reports
// false, and changes nothing.
func (c *Consumer) Leave(ctx context.Context) (left bool, err error) {
	n, err := c.once(ctx, leaveScript, c.keys.with(c.keys.workers, c.keys.leases), c.id)
	return n == 1, err
}

// once runs a transition that answers with one number.
func (q *Queue) once(ctx context.Context, s *redis.Script, keys []string, args ...any) (int64, error) {
	n, err := s.Run(ctx, q.redis, keys, args...).Int64()
	if err != nil {
		return 0, fmt.Errorf("queue %s: %w", q.name, err)
	}
	return n, nil
}
