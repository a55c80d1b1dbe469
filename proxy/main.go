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
	"time"

	"golang.org/x/sys/unix"

	"formation/proxy/accesslog"
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
	// A reader of standard output that ends is not the end of the proxy.
	signal.Ignore(syscall.SIGPIPE)
	// Nor is one that takes its time a loss: where it is a pipe, the kernel keeps more.
	_, _ = unix.FcntlInt(uintptr(unix.Stdout), unix.F_SETPIPE_SZ, 1<<20)
	lines := accesslog.New(os.Stdout)
	defer flush(lines)
	log := slog.New(slog.NewJSONHandler(lines, nil))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, func() { endAtSignal(stop, lines) })
	if err := serve(ctx, c, log, lines); err != nil {
		fmt.Fprintln(os.Stderr, "proxy:", err)
		return 1
	}
	return 0
}

// endAtSignal ends the process at once when a second signal comes.
func endAtSignal(stop func(), lines *accesslog.Writer) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	stop()
	s := <-signals
	flush(lines)
	signal.Reset(s)
	_ = syscall.Kill(os.Getpid(), s.(syscall.Signal))
}

// flush writes what has been logged, as far as standard output takes it.
func flush(lines *accesslog.Writer) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = lines.Close(ctx) // there is nobody left to tell
}
