// Command worker is the app: the process types behind the proxy, and the commands for
// the queue between them.
package main

import (
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
		err = verbs.Run(c, verbs.Streams{In: stdin, Out: stdout, Err: stderr})
	}
	if err != nil {
		fmt.Fprintln(stderr, "worker:", err)
		return 1
	}
	return 0
}

// process is what a process type has that runs until a signal ends it.
func process(stdout io.Writer) (<-chan os.Signal, *slog.Logger) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	log := slog.New(slog.NewJSONHandler(stdout, nil))
	redisclient.LogTo(log)
	return signals, log
}
