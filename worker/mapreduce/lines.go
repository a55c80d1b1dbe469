package mapreduce

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"formation/worker/mapreduce/input"
	"formation/worker/queue"
)

// Lines are the lines of an ordered run, in their order, for one who puts them out. No more
// of them are stored at a time than the run may store: shards are enqueued as those before
// them are taken.
type Lines struct {
	runs    *Runs
	queue   *queue.Queue
	run     string
	who     string // this reader's name
	epoch   int64
	most    int64   // bytes that may be stored
	weights []int64 // bytes that a shard's lines may have
	next    int     // the shard to be taken
	ahead   int     // up to which one they are enqueued
	weight  int64   // of those from next to ahead
	looked  time.Time
}

// ErrTaken is the error when somebody else has begun to put out a run's lines.
var ErrTaken = errors.New("somebody else puts out the lines of this run now")

// Follow begins to put out the lines of an ordered run, from the first; whoever did so before
// gets ErrTaken. It waits for the run's plan.
func (r *Runs) Follow(ctx context.Context, name string) (*Lines, error) {
	s, err := r.Status(ctx, name)
	if err != nil {
		return nil, err
	}
	q, err := queue.Open(r.redis, s.Queue)
	if err != nil {
		return nil, err
	}
	k := keysOf(name)
	l := &Lines{runs: r, queue: q, run: name, who: rand.Text(), most: s.Spec.MaxStored}
	counters := []any{l.who, "read", "lines", "chosen", "bad", "long", "retries"}
	for {
		reply, err := followScript.Run(ctx, r.redis, []string{k.run, k.recorded(split), k.started(split), k.data(split, 0), k.samples}, counters...).Int64Slice()
		if err != nil {
			return nil, err
		}
		if len(reply) == 0 {
			return nil, r.why(ctx, name)
		}
		if len(reply) != 2 {
			return nil, errReply
		}
		if l.epoch = reply[0]; reply[1] >= 0 {
			return l, l.load(ctx, int(reply[1]))
		}
		if err := l.look(ctx, plan, 0, 1); err != nil {
			return nil, err
		}
		if err := wait(ctx); err != nil {
			return nil, err
		}
	}
}

// why is the error about a run that is over without a result.
func (r *Runs) why(ctx context.Context, name string) error {
	s, err := r.Status(ctx, name)
	if err != nil {
		return err
	}
	return &EndedError{s.State, s.Error}
}

// EndedError is the error about a run that has failed or was cancelled.
type EndedError struct {
	State State
	Why   string
}

func (e *EndedError) Error() string { return string(e.State) + ": " + e.Why }

// load reads how large the shards are.
func (l *Lines) load(ctx context.Context, shards int) error {
	texts, err := l.runs.redis.HGetAll(ctx, keysOf(l.run).data(plan, 0)).Result()
	if err != nil {
		return err
	}
	l.weights = make([]int64, shards)
	for n := range l.weights {
		var s input.Shard
		if err := unmarshal([]byte(texts[strconv.Itoa(n)]), &s); err != nil {
			return fmt.Errorf("shard %d: %w", n, err)
		}
		l.weights[n] = s.To - s.From + input.MaxLine
		if s.Gzip {
			l.weights[n] = memory
		}
	}
	return nil
}

// Next returns the lines of the next shard, each with its end, when there are any; io.EOF
// after the last. What it returned before has been put out: it is not there any more. After
// an error of Redis it can be called again.
func (l *Lines) Next(ctx context.Context) ([]byte, error) {
	k := keysOf(l.run)
	for {
		if err := l.enqueue(ctx); err != nil {
			return nil, notEnd(err)
		}
		reply, err := takeScript.Run(ctx, l.runs.redis, []string{k.run, k.data(split, 0)}, l.who, l.epoch, l.next).Slice()
		if err != nil {
			return nil, notEnd(err)
		}
		state, lines, err := parseTaken(reply)
		switch {
		case err != nil:
			return nil, err
		case state == "gone":
			return nil, ErrNoRun
		case state == "lost":
			return nil, ErrTaken
		case State(state) == Done:
			return nil, io.EOF
		case State(state) != Running:
			return nil, notEnd(l.runs.why(ctx, l.run))
		case lines == nil:
			if err := l.look(ctx, split, l.next, l.ahead); err != nil {
				return nil, notEnd(err)
			}
			if err := wait(ctx); err != nil {
				return nil, err
			}
			continue
		}
		l.weight -= l.weights[l.next]
		l.next++
		l.looked = time.Now()
		if len(lines) > 0 {
			return lines, nil
		}
	}
}

// notEnd is an error of Redis: a connection's end is not that of the lines.
func notEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("redis: %w", io.ErrUnexpectedEOF)
	}
	return err
}

func parseTaken(reply []any) (state string, lines []byte, err error) {
	if len(reply) == 0 || len(reply) > 2 {
		return "", nil, errReply
	}
	state, ok := reply[0].(string)
	if !ok {
		return "", nil, errReply
	}
	if len(reply) == 2 {
		if text, ok := reply[1].(string); ok {
			lines = append([]byte{}, text...)
		}
	}
	return state, lines, nil
}

// enqueue enqueues as many shards as there is room for; the next one in any case.
func (l *Lines) enqueue(ctx context.Context) error {
	to, weight := l.ahead, l.weight
	for to < len(l.weights) && (to == l.next || weight+l.weights[to] <= l.most) {
		weight += l.weights[to]
		to++
	}
	if to == l.ahead {
		return nil
	}
	err := enqueueShards(ctx, l.runs.redis, l.queue, l.run, l.epoch, split, l.ahead, to)
	if errors.Is(err, errOver) || errors.Is(err, queue.ErrFull) {
		return nil // the state says so; there will be room
	}
	if err != nil {
		return err
	}
	l.ahead, l.weight = to, weight
	return nil
}

// look nudges shards once a second, while nothing comes.
func (l *Lines) look(ctx context.Context, stage, from, to int) error {
	if l.looked.IsZero() {
		l.looked = time.Now()
	}
	if time.Since(l.looked) < time.Second {
		return nil
	}
	l.looked = time.Now()
	return l.runs.nudge(ctx, l.queue, l.run, l.epoch, stage, from, to)
}

// wait waits a moment.
func wait(ctx context.Context) error {
	timer := time.NewTimer(10 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
