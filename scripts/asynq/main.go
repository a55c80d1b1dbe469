// Asynq is the peer that scripts/bench queue puts beside the queue: the same jobs
// enqueued and done by github.com/hibiken/asynq. It is a module of its own, so that
// nothing of ours depends on it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/hibiken/asynq"
)

// The queues: high comes first while its jobs are waited for behind others.
const queue, high = "bench", "bench-high"

// options are what scripts/benchmark starts both programs with.
type options struct {
	redis       string
	concurrency int
	jobs        int64   // how many to enqueue; 0: for as long as seconds
	seconds     float64 // for how long to enqueue or to look
	payload     int     // bytes
	behind      bool    // jobs wait that have no priority, and are done meanwhile
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "asynq:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("what is to be done? version, enqueue, serve or pickup")
	}
	var o options
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.StringVar(&o.redis, "redis", "", "host:port")
	flags.IntVar(&o.concurrency, "concurrency", 1, "jobs at a time")
	flags.Int64Var(&o.jobs, "jobs", 0, "how many to enqueue")
	flags.Float64Var(&o.seconds, "seconds", 0, "for how long")
	flags.IntVar(&o.payload, "payload", 2, "bytes")
	flags.BoolVar(&o.behind, "behind", false, "others wait")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch args[0] {
	case "version":
		fmt.Println(version())
		return nil
	case "enqueue":
		return enqueue(ctx, o)
	case "serve":
		return serve(ctx, o)
	case "pickup":
		return pickup(ctx, o)
	}
	return fmt.Errorf("%q is not version, enqueue, serve or pickup", args[0])
}

// version is that of asynq.
func version() string {
	info, _ := debug.ReadBuildInfo()
	if info != nil {
		for _, m := range info.Deps {
			if m.Path == "github.com/hibiken/asynq" {
				return m.Version
			}
		}
	}
	return "unknown"
}

// server is asynq's, tuned: an idle one looks for jobs every millisecond, not every
// second, and says nothing but errors.
func (o options) server() *asynq.Server {
	queues := map[string]int{queue: 1}
	if o.behind {
		queues[high] = 2
	}
	return asynq.NewServer(o.client(), asynq.Config{
		Concurrency:       o.concurrency,
		Queues:            queues,
		StrictPriority:    o.behind,
		TaskCheckInterval: time.Millisecond,
		LogLevel:          asynq.ErrorLevel,
	})
}

// client is as it comes: more than its 10 connections a processor gain nothing.
func (o options) client() asynq.RedisClientOpt { return asynq.RedisClientOpt{Addr: o.redis} }

// serve does jobs until it is told to end.
func serve(ctx context.Context, o options) error {
	s := o.server()
	if err := s.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error { return nil })); err != nil {
		return err
	}
	<-ctx.Done()
	s.Shutdown()
	return nil
}

// printJSON prints one line.
func printJSON(v any) error { return json.NewEncoder(os.Stdout).Encode(v) }
