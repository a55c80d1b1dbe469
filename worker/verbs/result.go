package verbs

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"formation/worker/config"
)

// The pauses between looking for a result grow from the first to the second.
const (
	firstPause = 10 * time.Millisecond
	mostPause  = 500 * time.Millisecond
)

// result prints the result of a job, and waits for it if told to.
func (s session) result(c config.Result) error {
	q, err := s.queue(c.Queue)
	if err != nil {
		return err
	}
	until := time.Now().Add(c.Wait)
	for pause := firstPause; ; pause = min(pause*3/2, mostPause) {
		var result []byte
		there := false
		if err := s.ask(func(ctx context.Context) (err error) {
			result, there, err = q.Result(ctx, c.ID)
			return err
		}); err != nil {
			return err
		}
		if there {
			return s.printResult(result)
		}
		left := time.Until(until)
		if left <= 0 {
			break
		}
		time.Sleep(min(pause, left))
	}
	if c.Wait > 0 {
		return fmt.Errorf("no result of job %q is kept in queue %s after %v", c.ID, c.Queue, c.Wait)
	}
	return fmt.Errorf("no result of job %q is kept in queue %s; it may not be done (--wait), or was enqueued without --keep", c.ID, c.Queue)
}

// printResult prints a result as it is, but for a terminal, and ends its line.
func (s session) printResult(result []byte) error {
	result = bytes.TrimSuffix(result, []byte("\n"))
	if terminal(s.Out) {
		result = []byte(printable(string(result)))
	}
	_, err := fmt.Fprintf(s.Out, "%s\n", result)
	return err
}
