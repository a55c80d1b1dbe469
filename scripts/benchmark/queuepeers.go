package main

import (
	"context"
	"fmt"
	"strconv"
)

// queueName is the queue's.
const queueName = "bench"

// queuePeer is one of the two.
type queuePeer struct {
	name string
	// jobs is the program that enqueues jobs and sees how soon they begin.
	jobs func(*queueBench) []string
	// serve is the program that does jobs, of the queue in that Redis, several at a time.
	serve func(b *queueBench, redis string, concurrency int) ([]string, error)
	// left is how many jobs wait and run.
	left func(context.Context, *redisServer) (waiting, running int64, err error)
	// bulk are the options with which it enqueues most in a second, about bulkRate.
	bulk     []string
	bulkRate int64
}

// asynq has no means to enqueue many at once: its best is to enqueue one by one from many
// goroutines. More than 50 gain nothing.
var queuePeers = []*queuePeer{
	{
		name:  "asynq",
		jobs:  func(b *queueBench) []string { return []string{b.asynq} },
		serve: serveAsynq,
		left:  leftOfAsynq,
		bulk:  []string{"--concurrency=50"}, bulkRate: 15_000,
	},
	{
		name:  ours,
		jobs:  func(b *queueBench) []string { return []string{b.self, "jobs"} },
		serve: serveOurs,
		left:  leftOfOurs,
		bulk:  []string{"--concurrency=4", "--batch=1000"}, bulkRate: 100_000,
	},
}

func queueNames() []string {
	var names []string
	for _, p := range queuePeers {
		names = append(names, p.name)
	}
	return names
}

func serveAsynq(b *queueBench, redis string, concurrency int) ([]string, error) {
	return []string{b.asynq, "serve", "--redis=" + redis, "--concurrency=" + strconv.Itoa(concurrency)}, nil
}

func leftOfAsynq(ctx context.Context, r *redisServer) (waiting, running int64, err error) {
	pipe := r.client.Pipeline()
	pending, active := pipe.LLen(ctx, "asynq:{"+queueName+"}:pending"), pipe.LLen(ctx, "asynq:{"+queueName+"}:active")
	_, err = pipe.Exec(ctx)
	return pending.Val(), active.Val(), err
}

func serveOurs(b *queueBench, redis string, concurrency int) ([]string, error) {
	admin, err := freePort()
	return []string{
		b.ours, "background", "--queue=" + queueName, "--redis=redis://" + redis,
		"--concurrency=" + strconv.Itoa(concurrency), fmt.Sprintf("--admin=127.0.0.1:%d", admin),
	}, err
}

func leftOfOurs(ctx context.Context, r *redisServer) (waiting, running int64, err error) {
	s, err := r.ours.Stats(ctx)
	return s.Waiting, s.Running, err
}
