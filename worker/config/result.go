package config

import (
	"fmt"
	"time"
)

// Result is all that `worker result` can be told.
type Result struct {
	ID string `arg:"" name:"id" help:"The job's ID."`
	OneQueue
	Wait time.Duration `default:"0s" help:"How long to wait for it, if it is not there yet."`
	Connection
}

func (c *Result) complete() error {
	if c.Wait < 0 {
		return fmt.Errorf("--wait: %v is negative", c.Wait)
	}
	if err := c.OneQueue.complete(); err != nil {
		return err
	}
	return c.Connection.complete()
}
