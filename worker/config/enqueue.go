package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"formation/worker/queue"
)

// Enqueue is all that `worker enqueue` can be told.
type Enqueue struct {
	Handler string  `arg:"" name:"handler" help:"What is to be done: a name that workers know."`
	Payload *string `arg:"" optional:"" name:"json" help:"What it is to be done with. Without it, payloads are read from standard input, one a line and a job for each, if that is a pipe or a file and there is no --count; or else it is {}."`

	OneQueue
	ID          string        `name:"id" env:"-" placeholder:"ID" help:"The job's ID. Another job with it is not enqueued while this one is in the queue, or failed. Default: one that nobody else has."`
	Key         string        `env:"-" placeholder:"KEY" help:"Another job with it is not enqueued while this one is in the queue, or its result is kept."`
	Delay       time.Duration `default:"0s" help:"How long it is not to be begun."`
	At          time.Time     `placeholder:"TIME" help:"When it is to be begun, such as 2006-01-02T15:04:05Z."`
	Priority    string        `default:"normal" enum:"high,normal,low" help:"high, normal or low. Of the jobs that wait, those with a higher one go first."`
	MaxAttempts int           `default:"${attempts}" help:"After how many failures it is given up."`
	Timeout     time.Duration `default:"0s" help:"For one attempt. 0s: the --job-timeout of who does it."`
	Deadline    time.Time     `placeholder:"TIME" help:"When it is too late for it, such as 2006-01-02T15:04:05Z."`
	Keep        time.Duration `default:"0s" help:"For how long its result is kept, for worker result."`
	Then        string        `placeholder:"QUEUE" help:"Where its result is to be the payload of another job."`
	ThenHandler string        `placeholder:"HANDLER" help:"That job's handler. Default: the same."`
	Count       *int          `placeholder:"N" help:"Enqueue it N times."`
	MaxQueued   int64         `default:"${bound}" help:"How many jobs the queue may hold. If it would be more with these, they are not enqueued."`
	IDs         bool          `name:"ids" help:"Print the IDs of jobs from --count or standard input too, one a line. That of one job is printed anyway."`
	JSON        bool          `name:"json" help:"Print an array of {\"id\",\"duplicate\"} instead, for any number of jobs."`

	Connection
}

func (c *Enqueue) complete() error {
	if err := c.OneQueue.complete(); err != nil {
		return err
	}
	if err := queue.CheckName(c.Handler); err != nil {
		return fmt.Errorf("<handler>: %w", err)
	}
	if c.Payload != nil {
		if err := CheckPayload([]byte(*c.Payload)); err != nil {
			return fmt.Errorf("<json>: %w", err)
		}
	}
	if err := plainText(c.ID); err != nil {
		return fmt.Errorf("--id: %w", err)
	}
	if err := plainText(c.Key); err != nil {
		return fmt.Errorf("--key: %w", err)
	}
	switch {
	case c.Delay < 0 || c.Delay > queue.MaxDelay:
		return fmt.Errorf("--delay: %v is not within 0s and %v", c.Delay, queue.MaxDelay)
	case !c.At.IsZero() && c.Delay != 0:
		return errors.New("--at: --delay is given too")
	case time.Until(c.At) > queue.MaxDelay:
		return fmt.Errorf("--at: it is more than %v away", queue.MaxDelay)
	case c.MaxAttempts < 1 || c.MaxAttempts > queue.MaxAttempts:
		return fmt.Errorf("--max-attempts: %d is not within 1 and %d", c.MaxAttempts, queue.MaxAttempts)
	case c.Timeout < 0 || c.Timeout > queue.MaxDelay:
		return fmt.Errorf("--timeout: %v is not within 0s and %v", c.Timeout, queue.MaxDelay)
	case c.Keep < 0 || c.Keep > queue.MaxDelay:
		return fmt.Errorf("--keep: %v is not within 0s and %v", c.Keep, queue.MaxDelay)
	case c.ThenHandler != "" && c.Then == "":
		return errors.New("--then-handler: there is no --then for it")
	case c.Count != nil && *c.Count < 1:
		return fmt.Errorf("--count: %d is not above 0", *c.Count)
	case c.Count != nil && c.ID != "":
		return errors.New("--count: it has no use with --id, which is enqueued once")
	case c.Count != nil && c.Key != "":
		return errors.New("--count: it has no use with --key, which is enqueued once")
	case c.MaxQueued < 1:
		return fmt.Errorf("--max-queued: %d is not above 0", c.MaxQueued)
	}
	if c.Then != "" {
		if err := queue.CheckName(c.Then); err != nil {
			return fmt.Errorf("--then: %w", err)
		}
	}
	if c.ThenHandler != "" {
		if err := queue.CheckName(c.ThenHandler); err != nil {
			return fmt.Errorf("--then-handler: %w", err)
		}
	}
	return c.Connection.complete()
}

// plainText checks an ID or key.
func plainText(s string) error {
	switch {
	case len(s) > queue.MaxName:
		return fmt.Errorf("%d bytes, more than %d", len(s), queue.MaxName)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return fmt.Errorf("%q is not of UTF-8 without control characters", s)
	}
	return nil
}

// CheckPayload checks for JSON, in UTF-8 and not too large.
func CheckPayload(payload []byte) error {
	switch {
	case len(payload) > queue.MaxPayload:
		return fmt.Errorf("%d bytes, more than %d", len(payload), queue.MaxPayload)
	case !utf8.Valid(payload):
		return errors.New("it is not UTF-8")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(payload, &whole); err != nil {
		return fmt.Errorf("it is not JSON: %w", err)
	}
	return nil
}
