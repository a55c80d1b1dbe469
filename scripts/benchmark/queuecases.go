package main

import "context"

// queueCase is one thing that the queues are compared in.
type queueCase struct {
	name, about string
	measure     func(*queueBench, context.Context, *queueCase, *queueContender) (queueSample, error)
	concurrency int
	bulk        bool
	full        bool     // begins with a queue that is full of jobs
	onDisk      bool     // Redis writes an append-only file
	waiting     []int64  // how many jobs wait; the later are compared with the first
	most        int      // rounds, where more would take too long; 0: as many as asked for
	shows       []string // columns; it is about the first
	goals       []wish   // of ours
}

func (k *queueCase) title() string { return k.name }

const million = 1_000_000

var (
	work     = []string{"rate", "cpu", "redis_cpu"}
	fiveFold = []wish{{column: "rate", ratio: true, atLeast: 5}}
	soon     = []wish{{column: "p50", atMost: 2}, {column: "p99", atMost: 5}}
)

var queueCases = []*queueCase{
	{name: "enqueue-1", about: "enqueued one by one, by one", measure: (*queueBench).enqueue, concurrency: 1, shows: work},
	{name: "enqueue-50", about: "enqueued one by one, by 50 at a time", measure: (*queueBench).enqueue, concurrency: 50, shows: work},
	{name: "bulk", about: "enqueued as fast as each can", measure: (*queueBench).enqueue, bulk: true, shows: work},
	{name: "process-1", about: "done one at a time", measure: (*queueBench).process, full: true, concurrency: 1, shows: work},
	{name: "process-10", about: "done 10 at a time", measure: (*queueBench).process, full: true, concurrency: 10, shows: work},
	{name: "process-50", about: "done 50 at a time", measure: (*queueBench).process, full: true, concurrency: 50, shows: work, goals: fiveFold},
	{name: "process-200", about: "done 200 at a time", measure: (*queueBench).process, full: true, concurrency: 200, shows: work, goals: fiveFold},
	{name: "disk-50", about: "done 50 at a time, Redis writes to the disk every second", measure: (*queueBench).process, full: true, concurrency: 50, onDisk: true, shows: work},
	{name: "pickup", about: "from enqueue to start, nothing else to do", measure: (*queueBench).pickup, concurrency: 10, shows: []string{"p50", "p99", "cpu", "redis_cpu"}, goals: soon},
	{name: "million", about: "done 50 at a time; and from enqueue to start before the others, 10 at a time", measure: (*queueBench).behind, full: true, concurrency: 50, waiting: []int64{0, million}, most: 3, shows: []string{"rate", "p50", "p99", "cpu", "redis_cpu"}},
	{name: "memory", about: "Redis's memory for a waiting job with 100 bytes", measure: (*queueBench).memory, most: 2, shows: []string{"memory"}, goals: []wish{{column: "memory", ratio: true, atMost: 1}}},
}
