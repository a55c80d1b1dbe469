// Package config reads the worker's command line: each option is a flag, an
// environment variable and a documented default.
package config

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"github.com/alecthomas/kong"

	"formation/worker/queue"
)

// Command is what the worker is to do, a pointer to one of this package's structs, with
// all that it can be told. Durations are Go's (1.5s, 2m).
type Command interface {
	// complete checks the values and fills in those that are made from others.
	complete() error
}

// Done is Parse's error when the arguments asked for help and got it.
var Done = errors.New("nothing to run")

const description = "The app's process types, serve and background, and the commands for the queues of jobs. " +
	"Each option is an environment variable too: --drain-delay is WORKER_DRAIN_DELAY. " +
	"Only those that choose jobs or lines are not, such as --id, --all and --where, lest a forgotten variable does."

// Parse reads args, then environment variables, then defaults. Help is written to
// out. An error is one line that names the option and never has Redis's password in it.
func Parse(args []string, out io.Writer) (Command, error) {
	var commands struct {
		Serve      Serve      `cmd:"" help:"Answer HTTP requests for / with a greeting and the number of hits, counted in Redis."`
		Background Background `cmd:"" help:"Take jobs off a queue and do them."`
		Enqueue    Enqueue    `cmd:"" help:"Put a job on a queue, or many."`
		Queues     struct {
			List   ListQueues   `cmd:"" default:"withargs" help:"List all queues and how they are doing. Assumed when no other command is given."`
			Pause  PauseQueues  `cmd:"" help:"Keep jobs from being begun. Those that run go on."`
			Resume ResumeQueues `cmd:"" help:"End a pause."`
		} `cmd:"" help:"List (--json: for scripts), pause and resume queues."`
		Failed struct {
			List    ListFailed    `cmd:"" help:"List jobs that have failed for good, oldest first."`
			Show    ShowFailed    `cmd:"" help:"Show all of one."`
			Retry   RetryFailed   `cmd:"" help:"Put them back on their queue, with all their attempts before them and no deadline."`
			Discard DiscardFailed `cmd:"" help:"Delete them."`
		} `cmd:"" help:"List, show, retry and discard jobs that have failed for good."`
		Result    Result `cmd:"" help:"Print the result that is kept of a job (enqueue --keep)."`
		MapReduce struct {
			Run    MapReduce `cmd:"" default:"withargs" help:"Start a run and print its result. Assumed when no other command is given."`
			Status ShowRuns  `cmd:"" help:"List all runs, or show how far one is."`
			Attach AttachRun `cmd:"" help:"Wait for a run and print its result, as whoever started it would."`
			Cancel CancelRun `cmd:"" help:"End a run, and delete what it has stored, its result too."`
		} `cmd:"" name:"mapreduce" help:"Count, sum up and search the lines of many files with all background workers. For all options: worker mapreduce run --help."`
	}
	helped := false
	parser, err := kong.New(&commands,
		kong.Name("worker"), kong.Description(description), kong.DefaultEnvars("WORKER"),
		kong.Writers(out, out), kong.Exit(func(int) { helped = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.Vars{
			"attempts": strconv.Itoa(queue.DefaultAttempts), "bound": strconv.Itoa(queue.DefaultBound)})
	if err != nil {
		return nil, fmt.Errorf("options: %w", err)
	}
	for n, arg := range args {
		if !utf8.ValidString(arg) { // kong would change it without a word
			return nil, fmt.Errorf("argument %d is not UTF-8", n+1)
		}
	}
	parsed, err := parser.Parse(args)
	switch {
	case helped:
		return nil, Done
	case err != nil:
		return nil, err
	}
	c := parsed.Selected().Target.Addr().Interface().(Command) // as all of the above are
	return c, c.complete()
}
