// Command worker is the app: the process types behind the proxy.
package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"formation/worker/config"
	"formation/worker/redisclient"
)

func main() {
	os.Exit(run(os.Args[1:]))
}

// run returns the exit code: 0 when the process was told to end and lost nothing, 1
// when it failed, 2 when it was started with something it does not understand.
func run(args []string) int {
	options, err := config.Parse(args, os.Stdout)
	if errors.Is(err, config.Done) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		return 2
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	redisclient.LogTo(log)
	if err := serve(options, signals, log); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		return 1
	}
	return 0
}
