// Command worker is the app: the process types behind the proxy, and the commands for
// the queue between them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"formation/worker/config"
	"formation/worker/redisclient"
	"formation/worker/verbs"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run returns the exit code: 0 when the process was told to end and lost nothing, or did
// what it was to do; 1 when it failed; 2 when it was started with something it does not
// understand.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	command, err := config.Parse(args, stdout)
	if errors.Is(err, config.Done) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "worker:", err)
		return 2
	}
	switch c := command.(type) {
	case *config.Serve:
		signals, log := process(stdout)
		err = serve(*c, signals, log)
	case *config.Background:
		signals, log := process(stdout)
		err = work(*c, signals, log)
	default:
		redisclient.LogTo(slog.New(slog.DiscardHandler)) // the command's own error says it
		ctx, stop := context.Background(), func() {}
		switch c.(type) {
		case *config.MapReduce, *config.AttachRun:
			ctx, stop = untilLeft()
		}
		err = verbs.Run(ctx, c, verbs.Streams{In: stdin, Out: stdout, Err: stderr})
		stop()
	}
	if err != nil {
		fmt.Fprintln(stderr, "worker:", err)
		return 1
	}
	return 0
}

// untilLeft is for a client whose run goes on without it: its context ends with a signal. A
// second signal ends the process, as usual. Until stop, a reader that has closed standard
// output is an error of writing to it, and does not end the process.
func untilLeft() (ctx context.Context, stop func()) {
	ctx, end := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, end)
	signal.Ignore(syscall.SIGPIPE)
	return ctx, func() {
		end()
		signal.Reset(syscall.SIGPIPE)
	}
}

// process is what a process type has that runs until a signal ends it.
func process(stdout io.Writer) (<-chan os.Signal, *slog.Logger) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	log := slog.New(slog.NewJSONHandler(stdout, nil))
	redisclient.LogTo(log)
	return signals, log
}
