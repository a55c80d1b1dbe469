package mapreduce

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"formation/worker/mapreduce/input"
	"formation/worker/queue"
)

// errOver is the error when what is to be enqueued is gone, as its run is over.
var errOver = errors.New("the run is over")

// enqueueStage enqueues the shards of a stage that are not recorded. Those that are in the
// queue, or have failed, stay as they are.
func enqueueStage(ctx context.Context, client redis.UniversalClient, q *queue.Queue, run string, epoch int64, stage int) error {
	total := 1
	if stage == split {
		n, err := client.HGet(ctx, keysOf(run).run, "total1").Int()
		if errors.Is(err, redis.Nil) {
			return errOver
		}
		if err != nil {
			return err
		}
		total = n
	} else if stage != plan {
		total = partitions
	}
	return enqueueShards(ctx, client, q, run, epoch, stage, 0, total)
}

// enqueueShards is enqueueStage for the shards from one up to another.
func enqueueShards(ctx context.Context, client redis.UniversalClient, q *queue.Queue, run string, epoch int64, stage, from, to int) error {
	k := keysOf(run)
	for from < to {
		part := min(to-from, queue.MaxBatch)
		shards := make([]any, part)
		for n := range shards {
			shards[n] = from + n
		}
		recorded, err := client.SMIsMember(ctx, k.recorded(stage), shards...).Result()
		if err != nil {
			return err
		}
		tasks := make([]task, 0, part)
		for n, done := range recorded {
			if !done {
				tasks = append(tasks, task{Run: run, Epoch: epoch, Stage: stage, Shard: from + n})
			}
		}
		from += part
		if len(tasks) == 0 {
			continue
		}
		if stage == split {
			if err := readShards(ctx, client, k, tasks); err != nil {
				return err
			}
		}
		jobs := make([]queue.New, len(tasks))
		for n := range tasks {
			if jobs[n], err = tasks[n].job(); err != nil {
				return err
			}
		}
		if _, err := q.Enqueue(ctx, jobs...); err != nil {
			return err
		}
	}
	return nil
}

// readShards gives tasks the shards that they have to read, as plan has stored them.
func readShards(ctx context.Context, client redis.UniversalClient, k keys, tasks []task) error {
	fields := make([]string, len(tasks))
	for n := range tasks {
		fields[n] = strconv.Itoa(tasks[n].Shard)
	}
	texts, err := client.HMGet(ctx, k.data(plan, 0), fields...).Result()
	if err != nil {
		return err
	}
	for n, text := range texts {
		s, ok := text.(string)
		if !ok {
			return errOver
		}
		tasks[n].Of = &input.Shard{}
		if err := unmarshal([]byte(s), tasks[n].Of); err != nil {
			return queue.Permanent(fmt.Errorf("shard %s of run %s: %w", fields[n], tasks[n].Run, err))
		}
	}
	return nil
}
