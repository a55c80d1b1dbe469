package config

import (
	"fmt"
	"time"
)

// maxConcurrency is how many jobs one worker does at the same time at most.
const maxConcurrency = 10_000

// Background is all that `worker background` can be told.
type Background struct {
	OneQueue
	Concurrency int    `default:"10" help:"How many jobs are done at the same time."`
	Admin       string `default:"127.0.0.1:8002" help:"Health and metrics, for Consul and operators only."`
	Name        string `placeholder:"NAME" help:"What logs call this worker. Default: the host name."`
	InputRoot   string `placeholder:"DIR" help:"The directory below which worker mapreduce may read files. Default: none."`

	Connection

	Lease         time.Duration `default:"10s" help:"How long this worker may be silent before others take its jobs, 1s at least."`
	MaxDeliveries int           `default:"5" help:"How many workers a job may take down before it has failed for good. At least 2, for jobs that were only beside it to have another chance."`
	Backoff       time.Duration `default:"1s" help:"Until a job that failed is tried again. Doubled with each further failure."`
	MaxBackoff    time.Duration `default:"10m" help:"What --backoff is doubled up to."`
	JobTimeout    time.Duration `default:"0" help:"For one attempt of a job that does not say it itself. 0: no bound."`

	DrainTimeout time.Duration `default:"15s" help:"From SIGTERM or SIGINT, when no more is begun, for the jobs that run to end. Those that do not are handed back."`
}

func (c *Background) complete() error {
	if err := workerName(&c.Name); err != nil {
		return err
	}
	if err := c.OneQueue.complete(); err != nil {
		return err
	}
	if err := c.Connection.complete(); err != nil {
		return err
	}
	if err := hostPort(c.Admin, 0); err != nil {
		return fmt.Errorf("--admin: %w", err)
	}
	switch {
	case c.Concurrency < 1 || c.Concurrency > maxConcurrency:
		return fmt.Errorf("--concurrency: %d is not within 1 and %d", c.Concurrency, maxConcurrency)
	case c.Lease < time.Second:
		return fmt.Errorf("--lease: %v is less than 1s", c.Lease)
	case c.MaxDeliveries < 1:
		return fmt.Errorf("--max-deliveries: %d is not above 0", c.MaxDeliveries)
	case c.Backoff <= 0:
		return fmt.Errorf("--backoff: %v is not above 0", c.Backoff)
	case c.MaxBackoff < c.Backoff:
		return fmt.Errorf("--max-backoff: %v is less than --backoff, %v", c.MaxBackoff, c.Backoff)
	case c.JobTimeout < 0:
		return fmt.Errorf("--job-timeout: %v is negative", c.JobTimeout)
	case c.DrainTimeout < 0:
		return fmt.Errorf("--drain-timeout: %v is negative", c.DrainTimeout)
	}
	return nil
}
