package queue

import (
	"context"
	"time"
)

// Stats is a queue at one moment.
type Stats struct {
	Waiting, Running, Delayed, Failed int64

	Oldest  time.Duration // how long the first that waits has been in its lane
	Rate    float64       // jobs done a second, over the last minute
	Workers int64         // that were heard of lately
	Paused  bool

	// Since the queue exists.
	Enqueued, Done, Retried, Failures, HandedBack int64
}

// quietWorker is after what time a worker that was not heard of is not counted.
const quietWorker = 10 * time.Second

// Stats looks at the queue.
func (q *Queue) Stats(ctx context.Context) (Stats, error) {
	k := &q.keys
	n, err := q.numbers(ctx, lookScript, 13, k.with(k.state, k.rate, k.delayed, k.failed, k.workers), quietWorker.Milliseconds())
	if err != nil {
		return Stats{}, err
	}
	return Stats{
		Waiting: n[0], Running: n[1], Delayed: n[2], Failed: n[3],
		Oldest:   time.Duration(max(n[4], 0)) * time.Millisecond,
		Rate:     float64(n[5]) / 60,
		Workers:  n[6],
		Paused:   n[7] == 1,
		Enqueued: n[8], Done: n[9], Retried: n[10], Failures: n[11], HandedBack: n[12],
	}, nil
}
