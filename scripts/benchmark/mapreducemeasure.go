package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// mapreduceSample is one measurement of one contender, from its start to its result.
type mapreduceSample struct {
	Seconds float64 `json:"seconds"`
	Rate    float64 `json:"mib_per_second"`
	CPU     float64 `json:"cpu_seconds"`                            // of ours: of the workers
	Aside   float64 `json:"redis_and_client_cpu_seconds,omitempty"` // of ours
	Memory  float64 `json:"worker_peak_mib,omitempty"`              // of ours: the worker that had most
	Disturb float64 `json:"processors_others"`                      // part of the processors that others took
}

func (s mapreduceSample) disturbed() float64 { return s.Disturb }

// watched measures one run, which returns what it printed and the CPU time of what is
// measured and of what is beside that. What jq did with a part of the log is taken for
// the whole.
func (b *mapreduceBench) watched(of input, run func() ([]byte, cost, time.Duration, error)) ([]byte, mapreduceSample, error) {
	busy, all, err := b.cores.allTicks()
	if err != nil {
		return nil, mapreduceSample{}, err
	}
	out, took, aside, err := run()
	if err != nil {
		return nil, mapreduceSample{}, err
	}
	busyAfter, allAfter, err := b.cores.allTicks()
	if err != nil {
		return nil, mapreduceSample{}, err
	}
	inTicks := (took.cpu + aside).Seconds() * 100 // their unit, whatever the kernel's own
	whole := float64(b.log.bytes) / float64(of.bytes)
	return out, mapreduceSample{
		Seconds: took.wall.Seconds() * whole,
		Rate:    float64(of.bytes) / mib / took.wall.Seconds(),
		CPU:     took.cpu.Seconds() * whole,
		Aside:   aside.Seconds() * whole,
		Disturb: max(0, float64(busyAfter-busy)-inTicks) / float64(max(1, allAfter-all)),
	}, nil
}

// measurePeer measures awk or jq.
func (b *mapreduceBench) measurePeer(ctx context.Context, k *mapreduceCase, c *mapreduceContender) (mapreduceSample, error) {
	of, argv := b.log, []string{"awk", k.question.awk, b.log.file}
	if c.name == jq {
		of, argv = b.part, []string{"sh", "-c", k.question.jq, b.part.file}
	}
	out, s, err := b.watched(of, func() ([]byte, cost, time.Duration, error) {
		out, took, err := output(ctx, b.cores.one, argv...)
		return out, took, 0, err
	})
	if err != nil {
		return s, err
	}
	answer, err := parseLines(out)
	if err != nil {
		return s, err
	}
	return s, answer.check(k.question.truth(of.tally), k.question.off)
}

// measureOurs measures `worker mapreduce` with workers that wait for it. A worker has
// one core, and so Go uses one.
func (b *mapreduceBench) measureOurs(ctx context.Context, k *mapreduceCase, c *mapreduceContender, redis *redisServer) (s mapreduceSample, err error) {
	if err := redis.flush(ctx); err != nil {
		return s, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var workers []*process
	for n := range c.workers {
		w, err := b.startWorker(ctx, n, redis)
		if err != nil {
			return s, err
		}
		defer w.stopWithin(5 * time.Second)
		go func() {
			select {
			case <-w.ended:
				cancel(fmt.Errorf("%s has ended: %s", w.name, w.complaint()))
			case <-ctx.Done():
			}
		}()
		workers = append(workers, w)
	}
	out, s, err := b.watched(b.log, func() ([]byte, cost, time.Duration, error) {
		return b.askOurs(ctx, k, workers, redis)
	})
	if err != nil {
		return s, err
	}
	for _, w := range workers {
		peak, err := w.peak()
		if err != nil {
			return s, err
		}
		s.Memory = max(s.Memory, float64(peak)/mib)
	}
	answer, err := parseRows(out, k.question.by, k.question.agg)
	if err != nil {
		return s, err
	}
	return s, answer.check(k.question.truth(b.log.tally), k.question.off)
}

// askOurs asks our workers, and returns what the client printed, for how long it took
// and what the workers took of their processors, and what Redis and the client took.
func (b *mapreduceBench) askOurs(ctx context.Context, k *mapreduceCase, workers []*process, redis *redisServer) (out []byte, took cost, aside time.Duration, err error) {
	before, asideBefore, err := spent(workers, redis)
	if err != nil {
		return nil, took, 0, err
	}
	argv := append([]string{
		b.ours, "mapreduce", "--queue=" + queueName, "--redis=redis://" + redis.addr, "--input=" + filepath.Base(b.log.file), "--json",
	}, k.question.ours...)
	out, client, err := output(ctx, b.aside(k), argv...)
	if err != nil {
		return nil, took, 0, err
	}
	after, asideAfter, err := spent(workers, redis)
	return out, cost{client.wall, after - before}, client.cpu + asideAfter - asideBefore, err
}

// spent is the processors' time that workers and Redis have had so far.
func spent(workers []*process, redis *redisServer) (theirs, redisOwn time.Duration, err error) {
	for _, w := range workers {
		cpu, err := w.cpu()
		if err != nil {
			return 0, 0, err
		}
		theirs += cpu
	}
	redisOwn, err = redis.cpu()
	return theirs, redisOwn, err
}

// aside is where Redis and the client run: beside one worker, or where two have all
// cores among them.
func (b *mapreduceBench) aside(k *mapreduceCase) string {
	if len(k.workers) > 1 {
		return b.cores.others + "," + b.cores.one
	}
	return b.cores.others
}

// startWorker starts the n-th worker, on a core of its own, and waits until it works.
func (b *mapreduceBench) startWorker(ctx context.Context, n int, redis *redisServer) (*process, error) {
	others := strings.Split(b.cores.others, ",")
	core := append([]string{b.cores.one}, others...)[n]
	admin, err := freePort()
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("worker-%d", n+1)
	file := filepath.Join(b.dir, name+".log")
	log, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	w, err := startProcess(name, core, b.dir, log, b.ours, "background", "--queue="+queueName, "--redis=redis://"+redis.addr,
		"--concurrency=1", "--input-root="+filepath.Dir(b.log.file), fmt.Sprintf("--admin=127.0.0.1:%d", admin))
	if err != nil {
		return nil, err
	}
	over := time.After(10 * time.Second)
	for {
		if data, _ := os.ReadFile(file); strings.Contains(string(data), `"msg":"working"`) {
			return w, nil
		}
		var err error
		select {
		case <-w.ended:
			return nil, fmt.Errorf("%s has ended: %s", name, w.complaint())
		case <-over:
			err = errors.New("the worker does not start")
		case <-ctx.Done():
			err = context.Cause(ctx)
		case <-time.After(10 * time.Millisecond):
			continue
		}
		w.stop()
		return nil, err
	}
}
