package queue

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Failed is a job in the failed queue.
type Failed struct {
	ID       string
	Handler  string
	Error    string // of the last attempt, or why it could not be run
	Attempts int
	Payload  []byte
	Priority Priority
	Key      string
	Enqueued time.Time
	FailedAt time.Time
	// Fault is why it is no job that can be run; nil: it is one.
	Fault error
	// Fields are a job's id, handler, payload and options, each as field and value; of what
	// is no job the fields and values of its entry as they were.
	Fields []string

	entry string
	again []string // the fields and values of its entry when it is tried again
	named bool
}

// Failed returns up to n failed jobs, oldest first, that come after the one whose Cursor
// is given; empty: from the first.
func (q *Queue) Failed(ctx context.Context, after string, n int) ([]Failed, error) {
	from := "-"
	if after != "" {
		from = "(" + after
	}
	// Its own command: XRANGE as go-redis has it loses the order of fields.
	reply, err := q.redis.Do(ctx, "XRANGE", q.keys.failed, from, "+", "COUNT", n).Slice()
	if err != nil {
		return nil, err
	}
	jobs := make([]Failed, len(reply))
	for i, r := range reply {
		if jobs[i], err = failedOf(r); err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

// Cursor is where Failed goes on after this one.
func (f *Failed) Cursor() string { return f.entry }

// FindFailed returns the failed job of that ID; false if there is none.
func (q *Queue) FindFailed(ctx context.Context, id string) (Failed, bool, error) {
	entry, err := q.redis.HGet(ctx, q.keys.ids, id).Result()
	switch {
	case errors.Is(err, redis.Nil) && isEntry.MatchString(id):
		entry = id
	case errors.Is(err, redis.Nil), err == nil && entry == "":
		return Failed{}, false, nil
	case err != nil:
		return Failed{}, false, err
	}
	reply, err := q.redis.Do(ctx, "XRANGE", q.keys.failed, entry, entry).Slice()
	if err != nil || len(reply) == 0 {
		return Failed{}, false, err
	}
	f, err := failedOf(reply[0])
	return f, err == nil && f.ID == id, err
}

// FirstFailed returns the first of the jobs of those IDs, MaxBatch at most, that has failed;
// false if none has.
func (q *Queue) FirstFailed(ctx context.Context, ids ...string) (Failed, bool, error) {
	if len(ids) == 0 {
		return Failed{}, false, nil
	}
	entries, err := q.redis.HMGet(ctx, q.keys.ids, ids...).Result()
	if err != nil {
		return Failed{}, false, err
	}
	for n, entry := range entries {
		if at, _ := entry.(string); at != "" {
			if f, there, err := q.FindFailed(ctx, ids[n]); there || err != nil {
				return f, there, err
			}
		}
	}
	return Failed{}, false, nil
}

// isEntry matches the ID of a stream's entry.
var isEntry = regexp.MustCompile(`^[0-9]{1,19}-[0-9]{1,19}$`)

// header is the fields that transitions/fail.lua puts before a job's own.
var header = [...]string{"failed-lane", "failed-id", "failed-error", "failed-attempts", "failed-entry"}

func failedOf(reply any) (Failed, error) {
	pair, ok := reply.([]any)
	if !ok || len(pair) != 2 {
		return Failed{}, errReply
	}
	entry, ok := pair[0].(string)
	fields, err := text(pair[1])
	if !ok || err != nil {
		return Failed{}, errReply
	}
	lane, attempts, ok := headed(fields)
	if !ok {
		return foreign(entry, fields), nil
	}
	f := Failed{ID: fields[3], Error: fields[5], Attempts: attempts, Priority: order[lane-1],
		FailedAt: entryTime(entry), Fields: fields[2*len(header):], entry: entry}
	d := delivery(lane, fields[9], f.Fields, 1)
	f.Handler, f.Payload, f.Enqueued, f.Key, f.named = d.Handler, []byte(d.Payload), d.Enqueued, d.Key, d.options.Named
	f.Fault, f.again = d.Fault, f.Fields // of what is no job: a newer worker may know better
	if d.Fault == nil {
		f.Fields = []string{"id", d.ID, "handler", d.Handler, "payload", d.Payload, "options", d.options.String()}
		o := d.again(0)
		o.Crashes, o.Deadline = 0, 0
		f.again = []string{"job", wire(d.ID, d.Handler, o, d.Payload)}
	}
	return f, nil
}

// headed returns the lane and the attempts that the header tells; false: it is none.
func headed(fields []string) (lane, attempts int, ok bool) {
	if len(fields)%2 != 0 || len(fields) < 2*len(header) {
		return 0, 0, false
	}
	for n, name := range header {
		if fields[2*n] != name {
			return 0, 0, false
		}
	}
	lane, badLane := strconv.Atoi(fields[1])
	attempts, badAttempts := strconv.Atoi(fields[7])
	return lane, attempts, badLane == nil && badAttempts == nil && lane >= 1 && lane <= priorities
}

// foreign is what somebody else has written into the failed queue. Tried again it is as if
// they had written it into the queue.
func foreign(entry string, fields []string) Failed {
	return Failed{ID: entry, Error: "written into the failed queue by somebody else", FailedAt: entryTime(entry),
		Enqueued: entryTime(entry), Priority: Normal, Fault: fmt.Errorf("entry %s of the failed queue is no job", entry),
		Fields: fields, entry: entry, again: fields}
}

// ErrKeyTaken is RetryFailed's error when another job has the failed one's key by now.
var ErrKeyTaken = errors.New("another job has its key")

// RetryFailed puts a failed job back into the queue, with all its attempts before it and
// no deadline. It reports whether it was still there.
func (q *Queue) RetryFailed(ctx context.Context, f Failed) (there bool, err error) {
	keys := []string{q.keys.state, q.keys.failed, q.keys.ids, q.keys.lanes[f.Priority.lane()-1]}
	if f.Key != "" {
		keys = append(keys, q.keys.of(f.Key))
	}
	args := []any{f.entry, f.ID, f.named}
	for _, s := range f.again {
		args = append(args, s)
	}
	has, err := reviveScript.Run(ctx, q.redis, keys, args...).Text()
	switch {
	case errors.Is(err, redis.Nil):
		return false, nil
	case err != nil:
		return false, err
	case has != "":
		return true, fmt.Errorf("%w: %s", ErrKeyTaken, has)
	}
	return true, nil
}

// Discard deletes failed jobs, and returns how many were still there.
func (q *Queue) Discard(ctx context.Context, jobs ...Failed) (int64, error) {
	n := int64(0)
	for len(jobs) > 0 {
		part := jobs[:min(len(jobs), MaxBatch)]
		jobs = jobs[len(part):]
		var args []any
		for i := range part {
			args = append(args, part[i].entry, part[i].ID)
		}
		gone, err := q.once(ctx, discardScript, []string{q.keys.failed, q.keys.ids}, args...)
		n += gone
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
