package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mapreduceContender is a line in a case's table.
type mapreduceContender struct {
	name    string
	workers int  // of ours
	several bool // the case is about how many there are
	against *mapreduceContender
	samples []mapreduceSample
}

func (c *mapreduceContender) label() string {
	if c.several {
		return fmt.Sprintf("%s %d", c.name, c.workers)
	}
	return c.name
}

// The peers; ours is compared with the first.
const awk, jq = "awk", "jq"

var mapreducePeers = []string{awk, jq, ours}

// jqPart is of which part of the log jq reads: it would take many times as long as all
// others together.
const jqPart = 16

// mapreduceBench is one run.
type mapreduceBench struct {
	options
	size      int    // of the log, in MiB
	redis     string // program
	cores     cores
	peers     []int
	cases     []*mapreduceCase
	log, part input // all of it, and what jq reads
	progress  io.Writer
}

// input is a file of logs and what is true of it.
type input struct {
	file string
	*tally
}

func benchMapreduce(ctx context.Context, args []string) error {
	b := &mapreduceBench{progress: os.Stderr}
	var err error
	b.options, err = parseOptions("mapreduce", args, options{rounds: 3}, func(flags *flag.FlagSet) {
		flags.IntVar(&b.size, "size", 2048, "")
		flags.StringVar(&b.redis, "redis", "", "")
	})
	if err == nil && b.size < 1 {
		err = fmt.Errorf("%w--size: %d is not above 0", errUsage, b.size)
	}
	if err != nil {
		return err
	}
	if b.cases, err = chooseCases(b.options.cases, mapreduceCases); err != nil {
		return err
	}
	if b.peers, err = choosePeers(b.options.peers, mapreducePeers); err != nil {
		return err
	}
	b.cases = slices.DeleteFunc(slices.Clone(b.cases), func(k *mapreduceCase) bool { return len(b.contenders(k)) == 0 })
	if len(b.cases) == 0 {
		return fmt.Errorf("%wthese cases are of ours alone", errUsage)
	}
	if b.cores, err = divide(); err != nil || b.checkOnly {
		return err
	}
	if err := b.write(ctx); err != nil {
		return err
	}
	report := mapreduceReport(b)
	fmt.Fprintln(b.progress, report.heading(b.duration()))
	if !b.json {
		report.writeMachine(os.Stdout, append(slices.Clone(mapreducePeers), "redis"),
			fmt.Sprintf("what is measured on core %s, all else on %s; %s", b.cores.one, b.cores.others, report.Input))
	}
	return measure(report, b.json, b.cases, func(k *mapreduceCase) (*result[mapreduceSample], error) {
		contenders, err := b.runCase(ctx, k)
		if err != nil {
			return nil, err
		}
		return mapreduceResultOf(k, contenders), nil
	})
}

// write writes the log, and has it in memory from then on.
func (b *mapreduceBench) write(ctx context.Context) error {
	free, err := freeMemory()
	if err != nil {
		return err
	}
	if need := int64(b.size)*mib*(jqPart+1)/jqPart + 512*mib; free < need {
		return fmt.Errorf("--size: the log is to stay in memory, and with all else takes %d MiB, of which %d are free: a smaller one", need/mib, free/mib)
	}
	fmt.Fprintf(b.progress, "writing a log of %d MiB\n", b.size)
	dir := filepath.Join(b.dir, "input")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	b.log.file, b.part.file = filepath.Join(dir, "access.log"), filepath.Join(b.dir, "part.log")
	if b.log.tally, err = writeLog(ctx, b.log.file, int64(b.size)*mib); err != nil {
		return err
	}
	if b.has(jq) { // the same log, but not to its end
		if b.part.tally, err = writeLog(ctx, b.part.file, int64(b.size)*mib/jqPart); err != nil {
			return err
		}
		if err := readThrough(b.part.file); err != nil {
			return err
		}
	}
	return readThrough(b.log.file)
}

func (b *mapreduceBench) has(peer string) bool {
	return slices.ContainsFunc(b.peers, func(n int) bool { return mapreducePeers[n] == peer })
}

// freeMemory is what can be had without another's being taken.
func freeMemory() (int64, error) {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	_, after, found := strings.Cut(string(data), "\nMemAvailable:")
	if !found {
		return 0, errors.New("/proc/meminfo has no MemAvailable")
	}
	kilobytes, err := strconv.ParseInt(strings.Fields(after)[0], 10, 64)
	return kilobytes * kib, err
}

func readThrough(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(io.Discard, f)
	return err
}

// contenders are the lines of a case, in the table's order.
func (b *mapreduceBench) contenders(k *mapreduceCase) (all []*mapreduceContender) {
	for _, n := range b.peers {
		switch peer := mapreducePeers[n]; {
		case peer == ours:
			for _, workers := range k.workers {
				all = append(all, &mapreduceContender{name: ours, workers: workers, several: len(k.workers) > 1})
			}
		case k.peers:
			all = append(all, &mapreduceContender{name: peer})
		}
	}
	for _, c := range all {
		if first := all[0]; c != first && (first.name == awk || c.several) {
			c.against = first
		}
	}
	return all
}

// runCase measures a case: the contenders take turns. Ours has a Redis.
func (b *mapreduceBench) runCase(ctx context.Context, k *mapreduceCase) ([]*mapreduceContender, error) {
	all := b.contenders(k)
	var redis *redisServer
	if b.has(ours) {
		var err error
		if redis, err = startRedis(ctx, b.redis, b.aside(k), filepath.Join(b.dir, k.name), false); err != nil {
			return nil, err
		}
		defer redis.end()
	}
	about := find(mapreduceColumns, k.shows[0])
	return all, turns(b.rounds, all, func(c *mapreduceContender) (err error) {
		ctx, cancel := context.WithTimeoutCause(ctx, longest, fmt.Errorf("it takes more than %s", longest))
		defer cancel()
		var s mapreduceSample
		if c.name == ours {
			s, err = b.measureOurs(ctx, k, c, redis)
		} else {
			s, err = b.measurePeer(ctx, k, c)
		}
		c.samples = append(c.samples, s)
		return err
	}, func(round int) {
		fmt.Fprintf(b.progress, "%-12s round %d of %d:", k.name, round+1, b.rounds)
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

// longest is for one measurement.
const longest = 10 * time.Minute

// duration is about how long the cases take, at 400 MiB a second each.
func (b *mapreduceBench) duration() (sum time.Duration) {
	for _, k := range b.cases {
		for range b.contenders(k) {
			sum += time.Duration(b.rounds) * (500*time.Millisecond + time.Duration(b.size)*time.Second/400)
		}
	}
	return sum
}
