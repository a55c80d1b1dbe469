// Command proxy is the web process: it takes every request and balances it over
// the instances that Consul lists for a service.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"formation/proxy/config"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

// run returns the exit code: 0 when the proxy was told to end and lost nothing, 1
// when it failed, 2 when it was started with something it does not understand.
func run(args []string) int {
	c, err := config.Parse(args, os.Stdout)
	if errors.Is(err, config.Done) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "proxy:", err)
		return 2
	}
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := serve(ctx, c, log); err != nil {
		fmt.Fprintln(os.Stderr, "proxy:", err)
		return 1
	}
	return 0
}
