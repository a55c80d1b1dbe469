package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// queueSample is one measurement of one contender.
type queueSample struct {
	Jobs     int64   `json:"jobs,omitempty"`
	Seconds  float64 `json:"seconds,omitempty"`
	Rate     float64 `json:"jobs_per_second,omitempty"`
	CPU      float64 `json:"cpu_microseconds,omitempty"`       // of the program, a job
	RedisCPU float64 `json:"redis_cpu_microseconds,omitempty"` // of Redis, a job
	P50      float64 `json:"p50_milliseconds,omitempty"`
	P99      float64 `json:"p99_milliseconds,omitempty"`
	Memory   float64 `json:"redis_bytes,omitempty"`       // a job
	Disturb  float64 `json:"processors_others,omitempty"` // part of the processors that others took
}

func (s queueSample) disturbed() float64 { return s.Disturb }

// effort is who has run for how long so far, and the processors in ticks.
type effort struct {
	program, redis time.Duration
	busy, all      int64
}

// effort of a contender; its program may be none, or one that says it itself.
func (b *queueBench) effort(c *queueContender, program *process) (e effort, err error) {
	if e.busy, e.all, err = b.cores.allTicks(); err != nil {
		return e, err
	}
	if e.redis, err = c.redis.cpu(); err == nil && program != nil {
		e.program, err = program.cpu()
	}
	return e, err
}

// sampled works out what a number of jobs took.
func sampled(jobs int64, took time.Duration, before, after effort) queueSample {
	n, program, redis := float64(jobs), after.program-before.program, after.redis-before.redis
	inTicks := (program + redis).Seconds() * 100 // their unit, whatever the kernel's own
	return queueSample{
		Jobs: jobs, Seconds: took.Seconds(), Rate: n / took.Seconds(),
		CPU: program.Seconds() * 1e6 / n, RedisCPU: redis.Seconds() * 1e6 / n,
		Disturb: max(0, float64(after.busy-before.busy)-inTicks) / float64(max(1, after.all-before.all)),
	}
}

// enqueue enqueues for some seconds, into an empty queue.
func (b *queueBench) enqueue(ctx context.Context, k *queueCase, c *queueContender) (s queueSample, err error) {
	if err := c.redis.flush(ctx); err != nil {
		return s, err
	}
	args := []string{"enqueue", fmt.Sprintf("--seconds=%d", b.seconds)}
	if k.bulk {
		args = append(args, c.bulk...)
	} else {
		args = append(args, fmt.Sprintf("--concurrency=%d", k.concurrency))
	}
	before, err := b.effort(c, nil)
	if err != nil {
		return s, err
	}
	var found enqueued
	cpu, err := b.jobs(ctx, c, time.Duration(b.seconds)*time.Second+20*time.Second, &found, args...)
	if err != nil {
		return s, err
	}
	after, err := b.effort(c, nil)
	if err != nil {
		return s, err
	}
	after.program = cpu
	waiting, _, err := c.left(ctx, c.redis)
	if err != nil {
		return s, err
	}
	if waiting != found.Jobs {
		return s, fmt.Errorf("of %d jobs %d wait", found.Jobs, waiting)
	}
	return sampled(found.Jobs, time.Duration(found.Seconds*float64(time.Second)), before, after), nil
}

// fill sees to it that that many jobs wait.
func (b *queueBench) fill(ctx context.Context, c *queueContender, jobs int64, args ...string) error {
	waiting, running, err := c.left(ctx, c.redis)
	switch {
	case err != nil:
		return err
	case running > 0:
		return fmt.Errorf("%d jobs still run", running)
	case waiting < jobs:
		args = append([]string{"enqueue", fmt.Sprintf("--jobs=%d", jobs-waiting)}, append(args, c.bulk...)...)
		if _, err := b.jobs(ctx, c, 5*time.Minute, new(enqueued), args...); err != nil {
			return err
		}
	}
	if waiting, _, err = c.left(ctx, c.redis); err == nil && waiting < jobs {
		err = fmt.Errorf("of %d jobs %d wait", jobs, waiting)
	}
	return err
}

// process has jobs done that wait, until none do or the time is over. It begins when the
// first are done: no program's start counts.
func (b *queueBench) process(ctx context.Context, k *queueCase, c *queueContender) (queueSample, error) {
	full := max(b.full(), c.waiting)
	if err := b.fill(ctx, c, full); err != nil {
		return queueSample{}, err
	}
	argv, err := c.serve(b, c.redis.addr, k.concurrency)
	if err != nil {
		return queueSample{}, err
	}
	worker, err := startProcess(c.name, b.cores.others, c.redis.dir, nil, argv...)
	if err != nil {
		return queueSample{}, err
	}
	defer worker.stopWithin(20 * time.Second)
	begun, err := b.watch(ctx, c, worker, 15*time.Second, func(left int64) bool { return left < full })
	if err != nil {
		return queueSample{}, err
	}
	if begun.left == full {
		return queueSample{}, errors.New("no job is done")
	}
	ended, err := b.watch(ctx, c, worker, time.Duration(b.seconds)*time.Second, func(left int64) bool { return left == 0 })
	if err == nil && ended.left == begun.left { // the machine, or its disk, had something else to do
		ended, err = b.watch(ctx, c, worker, 30*time.Second, func(left int64) bool { return left < begun.left })
	}
	if err != nil {
		return queueSample{}, err
	}
	if ended.left >= begun.left {
		return queueSample{}, errors.New("no more jobs are done")
	}
	return sampled(begun.left-ended.left, ended.at.Sub(begun.at), begun.effort, ended.effort), nil
}

// moment is how far the jobs are, and what that took.
type moment struct {
	effort
	at   time.Time
	left int64
}

// watch looks until what it sees is enough, or the time is over.
func (b *queueBench) watch(ctx context.Context, c *queueContender, worker *process, most time.Duration, enough func(left int64) bool) (m moment, err error) {
	over := time.After(most)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for last := false; ; {
		waiting, running, err := c.left(ctx, c.redis)
		if err != nil {
			return m, err
		}
		m.at, m.left = time.Now(), waiting+running
		if last || enough(m.left) {
			break
		}
		select {
		case <-tick.C:
		case <-over:
			last = true
		case <-worker.ended:
			return m, fmt.Errorf("%s has ended: %s", worker.name, worker.complaint())
		case <-ctx.Done():
			return m, ctx.Err()
		}
	}
	m.effort, err = b.effort(c, worker)
	return m, err
}

// pickup sees how soon a job begins when there is nothing else to do, or, when others
// wait, before them.
func (b *queueBench) pickup(ctx context.Context, _ *queueCase, c *queueContender) (s queueSample, err error) {
	before, err := b.effort(c, nil)
	if err != nil {
		return s, err
	}
	args := []string{"pickup", "--concurrency=10", fmt.Sprintf("--seconds=%d", b.seconds)}
	if c.waiting > 0 {
		args = append(args, "--behind")
	}
	var found pickedUp
	cpu, err := b.jobs(ctx, c, time.Duration(b.seconds)*time.Second+60*time.Second, &found, args...)
	if err != nil {
		return s, err
	}
	after, err := b.effort(c, nil)
	if err != nil {
		return s, err
	}
	after.program = cpu
	if len(found.Microseconds) == 0 {
		return s, errors.New("no job was begun")
	}
	s = sampled(int64(len(found.Microseconds)), time.Duration(b.seconds)*time.Second, before, after)
	s.P50, s.P99 = quantile(found.Microseconds, 0.5)/1e3, quantile(found.Microseconds, 0.99)/1e3
	return s, nil
}

// behind sees what it costs that many jobs wait: how soon one begins that goes before
// them, and how fast they are done.
func (b *queueBench) behind(ctx context.Context, k *queueCase, c *queueContender) (queueSample, error) {
	if c.waiting == 0 {
		if err := c.redis.flush(ctx); err != nil {
			return queueSample{}, err
		}
	}
	if err := b.fill(ctx, c, c.waiting); err != nil {
		return queueSample{}, err
	}
	soon, err := b.pickup(ctx, k, c)
	if err != nil {
		return soon, err
	}
	if waiting, _, err := c.left(ctx, c.redis); err != nil || c.waiting > 0 && waiting == 0 {
		return soon, errors.Join(err, errors.New("no jobs were left that these could go before"))
	}
	s, err := b.process(ctx, k, c)
	s.P50, s.P99 = soon.P50, soon.P99
	return s, err
}

// memory is what Redis takes for a job that waits. Some are there before, for what there
// is once.
func (b *queueBench) memory(ctx context.Context, _ *queueCase, c *queueContender) (s queueSample, err error) {
	const some, many = 1000, 100_000
	if err := c.redis.flush(ctx); err != nil {
		return s, err
	}
	if err := b.fill(ctx, c, some, "--payload=100"); err != nil {
		return s, err
	}
	before, err := c.redis.used(ctx)
	if err != nil {
		return s, err
	}
	if err := b.fill(ctx, c, some+many, "--payload=100"); err != nil {
		return s, err
	}
	after, err := c.redis.used(ctx)
	if err != nil {
		return s, err
	}
	return queueSample{Jobs: many, Memory: (after - before) / many}, nil
}
