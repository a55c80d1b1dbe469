package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"formation/worker/admin"
	"formation/worker/background"
	"formation/worker/config"
	"formation/worker/drain"
	"formation/worker/mapreduce"
	"formation/worker/mapreduce/input"
	"formation/worker/queue"
)

// tookDown is the exit code of a worker that a job of the handler exit has taken down.
const tookDown = 3

// work does the jobs of a queue until a signal ends it; a second signal ends what runs.
// What it returns says why it failed, or that jobs have to wait until its leases run out.
func work(c config.Background, signals <-chan os.Signal, log *slog.Logger) error {
	adminListener, err := net.Listen("tcp", c.Admin)
	if err != nil {
		return fmt.Errorf("--admin: %w", err)
	}
	defer adminListener.Close()
	var root *input.Root // nil: this worker reads no files
	if c.InputRoot != "" {
		if root, err = input.Open(c.InputRoot); err != nil {
			return fmt.Errorf("--input-root: %w", err)
		}
		defer root.Close()
	}
	_, redis, disconnect, err := connect(c.Connection, log)
	if err != nil {
		return err
	}
	defer disconnect()
	jobs, err := queue.Open(redis.Client, c.Queue)
	if err != nil {
		return fmt.Errorf("--queue: %w", err)
	}

	handlers := append(background.Trial(func() { os.Exit(tookDown) }), mapreduce.NewWorker(redis.Client, jobs, root).Handler())
	registry := prometheus.NewRegistry()
	registry.MustRegister(redis.Up(c.RedisTimeout), background.NewGauges(jobs, c.RedisTimeout), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	worker := background.Worker{
		Queue:         jobs,
		ID:            c.Name + "-" + rand.Text()[:12],
		Handlers:      handlers,
		Concurrency:   c.Concurrency,
		Lease:         c.Lease,
		MaxDeliveries: c.MaxDeliveries,
		Backoff:       c.Backoff,
		MaxBackoff:    c.MaxBackoff,
		Timeout:       c.JobTimeout,
		DrainTimeout:  c.DrainTimeout,
		Log:           log,
		Metrics:       background.NewMetrics(registry, handlers...),
	}

	var draining atomic.Bool
	notReady := func() error {
		if draining.Load() {
			return drain.ErrDraining
		}
		return nil
	}
	operators := server(admin.Handler(notReady, registry), log)
	defer operators.Close()
	failed := make(chan error, 1)
	go func() { failed <- operators.Serve(adminListener) }()

	ctx, end := context.WithCancel(context.Background())
	defer end()
	hurried, hurry := context.WithCancel(context.Background())
	defer hurry()
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx, hurried) }()
	log.Info("working", "name", c.Name, "queue", c.Queue, "concurrency", c.Concurrency,
		"admin", adminListener.Addr().String(), "redis", c.RedisURL.String())
	for {
		select {
		case err := <-ended:
			return err
		case err := <-failed:
			hurry()
			end()
			return errors.Join(fmt.Errorf("serve: %w", err), <-ended)
		case <-signals:
			if draining.Swap(true) {
				hurry()
				continue
			}
			log.Info("draining", "timeout", c.DrainTimeout.String())
			end()
		}
	}
}
