// Benchmark is what scripts/bench runs: that script finds and builds the programs, and
// this one starts them, puts load on them and measures.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

// errUsage is a command line that cannot be meant.
var errUsage = errors.New("")

// run returns the exit code: 0 when everything was measured, whatever the figures, 1
// when something could not be, 2 when the command line cannot be meant.
func run(args []string) int {
	ctx := context.Background()
	if len(args) == 0 || args[0] != "upstream" { // that one has nothing to end well
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
		defer stop()
	}
	var err error
	switch {
	case len(args) == 0:
		err = fmt.Errorf("%wwhat is to be measured?", errUsage)
	case args[0] == "proxy":
		err = benchProxy(ctx, args[1:])
	case args[0] == "queue":
		err = benchQueue(ctx, args[1:])
	case args[0] == "mapreduce":
		err = benchMapreduce(ctx, args[1:])
	case args[0] == "jobs": // started by queue
		err = ourJobs(ctx, args[1:], os.Stdout)
	case args[0] == "upstream": // started by proxy
		err = serveUpstream(os.Stdout)
	default:
		err = fmt.Errorf("%wunknown benchmark %q", errUsage, args[0])
	}
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "scripts/bench: interrupted")
		return 130
	case errors.Is(err, errUsage):
		fmt.Fprintf(os.Stderr, "scripts/bench: %v; see scripts/bench --help\n", err)
		return 2
	}
	fmt.Fprintln(os.Stderr, "scripts/bench:", err)
	return 1
}
