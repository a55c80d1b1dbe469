package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// queueContender is a line in a case's table.
type queueContender struct {
	*queuePeer
	waiting int64 // jobs
	several bool  // the case is about how many wait
	against *queueContender
	redis   *redisServer
	samples []queueSample
}

func (c *queueContender) label() string {
	if c.several {
		return fmt.Sprintf("%s %d", c.name, c.waiting)
	}
	return c.name
}

// queueBench is one run.
type queueBench struct {
	options
	self, asynq, redis string // programs
	cores              cores
	peers              []int
	cases              []*queueCase
	progress           io.Writer
}

func benchQueue(ctx context.Context, args []string) error {
	b := &queueBench{progress: os.Stderr}
	var err error
	b.options, err = parseOptions("queue", args, options{rounds: 5, seconds: 2}, func(flags *flag.FlagSet) {
		flags.StringVar(&b.asynq, "asynq", "", "")
		flags.StringVar(&b.redis, "redis", "", "")
	})
	if err != nil {
		return err
	}
	if b.cases, err = chooseCases(b.options.cases, queueCases); err != nil {
		return err
	}
	if b.peers, err = choosePeers(b.options.peers, queueNames()); err != nil {
		return err
	}
	if b.cores, err = divide(); err != nil || b.checkOnly {
		return err
	}
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	report := queueReport(b)
	fmt.Fprintln(b.progress, report.heading(b.duration()))
	if !b.json {
		report.writeMachine(os.Stdout, append(queueNames(), "redis"), fmt.Sprintf("Redis on core %s, all else on %s", b.cores.one, b.cores.others))
	}
	return measure(report, b.json, b.cases, func(k *queueCase) (*result[queueSample], error) {
		contenders, err := b.runCase(ctx, k)
		if err != nil {
			return nil, err
		}
		return queueResultOf(k, contenders), nil
	})
}

// contenders are the lines of a case, in the table's order.
func (b *queueBench) contenders(k *queueCase) (all []*queueContender) {
	waiting := k.waiting
	if waiting == nil {
		waiting = []int64{0}
	}
	for _, peer := range b.peers {
		for _, n := range waiting {
			all = append(all, &queueContender{queuePeer: queuePeers[peer], waiting: n, several: len(k.waiting) > 1})
		}
	}
	for _, c := range all {
		for _, other := range all {
			compared := other.queuePeer == queuePeers[0]
			if c.several {
				compared = other.queuePeer == c.queuePeer && other.waiting == waiting[0]
			}
			if compared && other != c {
				c.against = other
			}
		}
	}
	return all
}

// rounds of a case.
func (b *queueBench) roundsOf(k *queueCase) int {
	if k.most > 0 {
		return min(k.most, b.rounds)
	}
	return b.rounds
}

// runCase measures a case: each contender has a Redis of its own, and they take turns.
func (b *queueBench) runCase(ctx context.Context, k *queueCase) ([]*queueContender, error) {
	all := b.contenders(k)
	for _, c := range all {
		var err error
		dir := filepath.Join(b.dir, strings.ReplaceAll(k.name+" "+c.label(), " ", "-"))
		if c.redis, err = startRedis(ctx, b.redis, b.cores.one, dir, k.onDisk); err != nil {
			return nil, err
		}
		defer c.redis.end()
	}
	about := find(queueColumns, k.shows[0])
	rounds := b.roundsOf(k)
	return all, turns(rounds, all, func(c *queueContender) error {
		s, err := k.measure(b, ctx, k, c)
		c.samples = append(c.samples, s)
		return err
	}, func(round int) {
		fmt.Fprintf(b.progress, "%-12s round %d of %d:", k.name, round+1, rounds)
		for _, c := range all {
			is := values(c.samples, about.of)
			fmt.Fprintf(b.progress, "  %s "+about.format+" %s", c.label(), is[round], about.unit)
			if c.against != nil {
				fmt.Fprintf(b.progress, " (%.2f)", is[round]/values(c.against.samples, about.of)[round])
			}
		}
		fmt.Fprintln(b.progress)
	})
}

// jobs runs a contender's program that enqueues jobs or looks how soon they begin, for
// some seconds at most. It returns the CPU time that this took, and puts into found
// what it printed.
func (b *queueBench) jobs(ctx context.Context, c *queueContender, most time.Duration, found any, args ...string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	argv := append(append(c.jobs(b), args...), "--redis="+c.redis.addr)
	out, took, err := output(ctx, b.cores.others, argv...)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	if err := json.Unmarshal(out, found); err != nil {
		return 0, fmt.Errorf("%s: %w: %.200q", args[0], err, out)
	}
	return took.cpu, nil
}

// full is how many jobs are there to be done when a contender begins: more than it can
// do in a measurement, or not many less.
func (b *queueBench) full() int64 { return int64(b.seconds) * 100_000 }

// duration is about how long the run takes.
func (b *queueBench) duration() time.Duration {
	var sum time.Duration
	for _, k := range b.cases {
		for _, c := range b.contenders(k) {
			each := time.Duration(b.seconds)*time.Second + 500*time.Millisecond
			if k.full {
				each = 2 * each // what was done is enqueued again
				sum += time.Duration(max(b.full(), c.waiting)/c.bulkRate) * time.Second
			}
			sum += time.Duration(b.roundsOf(k)) * each
		}
	}
	return sum
}
