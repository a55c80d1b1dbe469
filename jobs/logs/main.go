// Command logs prints what all allocations of a Nomad job write to their standard
// output as one stream: each line whole and labelled with its allocation, in time
// order, allocations that come and go included.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hashicorp/nomad/api"
)

const usage = `Usage: scripts/logs [options] JOB

Follows the standard output of all allocations of a Nomad job as one stream, from
its start, until interrupted. Each line has its allocation's short ID before it (and
its task's name, where an allocation has several) and comes in the order of the
lines' own "time" fields, as far as a line arrives within half a second of its
peers. Allocations that start meanwhile join in, those that end are read to their
end. A line longer than 64 KiB is cut, with a mark.

Options:
  --no-follow        print what there is and exit
  --since DURATION   leave out lines older than this (5m, 1h30m; 0s: only new ones)
  --stderr           standard error too, marked as such
  --plain            lines as they were written, with no label
  --help             this text

Environment: NOMAD_ADDR (http://127.0.0.1:4646), NOMAD_TOKEN, NOMAD_NAMESPACE,
NOMAD_REGION and the other variables of the nomad command mean what they mean there.
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

type options struct {
	job      string
	noFollow bool
	since    time.Duration // negative: everything
	stderr   bool
	plain    bool
}

// run returns the exit code: 0 also when it was interrupted, 1 when the job's logs
// could not be read, 2 for a wrong command line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	note := func(format string, args ...any) { fmt.Fprintf(stderr, "logs: "+format+"\n", args...) }
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return 0
	}
	if err != nil {
		note("%v; see scripts/logs --help", err)
		return 2
	}
	config := api.DefaultConfig()
	client, err := api.NewClient(config)
	if err != nil {
		note("NOMAD_ADDR and its like: %v", err)
		return 2
	}
	n := nomad{client}
	if err := n.checkJob(ctx, o.job); ctx.Err() != nil {
		return 0
	} else if errors.Is(err, errGone) {
		note("Nomad has no job %q; `nomad job status` lists those it has", o.job)
		return 1
	} else if err != nil {
		note("asking Nomad at %s for job %q: %v", config.Address, o.job, err)
		return 1
	}
	if err := stream(ctx, n, o, stdout, note); err != nil {
		note("%v", err)
		return 1
	}
	return 0
}

func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("logs", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&o.noFollow, "no-follow", false, "")
	flags.DurationVar(&o.since, "since", -1, "")
	flags.BoolVar(&o.stderr, "stderr", false, "")
	flags.BoolVar(&o.plain, "plain", false, "")
	// Options may follow the job's name too.
	for {
		if err := flags.Parse(args); err != nil {
			return o, err
		}
		if flags.NArg() == 0 {
			break
		}
		if o.job != "" {
			return o, fmt.Errorf("one job at a time, not also %q", flags.Arg(0))
		}
		o.job, args = flags.Arg(0), flags.Args()[1:]
	}
	if o.job == "" {
		return o, errors.New("which job?")
	}
	return o, nil
}

// stream writes the job's logs to w until there is nothing left or the context ends.
func stream(ctx context.Context, n jobReader, o options, w io.Writer, note func(string, ...any)) error {
	f := &follower{reader: n, merger: newMerger(), outputs: []string{api.FSLogNameStdout}, follow: !o.noFollow, note: note}
	if o.stderr {
		f.outputs = append(f.outputs, api.FSLogNameStderr)
	}
	if o.since >= 0 {
		f.since = time.Now().Add(-o.since)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- f.run(ctx, o.job) }()

	out := bufio.NewWriter(w)
	var failed error
	f.merger.run(ctx, func(e entry) {
		if failed != nil {
			return
		}
		label := e.label + " | "
		if o.plain {
			label = ""
		}
		if _, failed = fmt.Fprintf(out, "%s%s\n", label, e.text); failed != nil {
			cancel()
		}
	}, func() {
		if failed == nil {
			if failed = out.Flush(); failed != nil {
				cancel()
			}
		}
	})
	err := <-result
	if failed != nil {
		return fmt.Errorf("writing: %w", failed)
	}
	return err
}
