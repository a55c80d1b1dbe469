package config

import (
	"errors"
	"fmt"
	"time"
)

// Filter chooses failed jobs: those for which all hold that is given.
type Filter struct {
	Handler string        `env:"-" placeholder:"HANDLER" help:"Only those of this handler."`
	Error   string        `env:"-" placeholder:"TEXT" help:"Only those whose error contains this."`
	Since   time.Duration `env:"-" default:"0s" help:"Only those that failed within this time. 0s: whenever."`
	Limit   int           `env:"-" default:"0" help:"Only so many, the oldest. 0: all."`
}

func (c *Filter) complete() error {
	switch {
	case c.Since < 0:
		return fmt.Errorf("--since: %v is negative", c.Since)
	case c.Limit < 0:
		return fmt.Errorf("--limit: %d is negative", c.Limit)
	}
	return nil
}

// ListFailed is all that `worker failed list` can be told.
type ListFailed struct {
	OneQueue
	Filter
	JSON bool `name:"json" help:"Print an array of objects instead of a table."`
	Connection
}

func (c *ListFailed) complete() error {
	if err := c.OneQueue.complete(); err != nil {
		return err
	}
	if err := c.Filter.complete(); err != nil {
		return err
	}
	return c.Connection.complete()
}

// ShowFailed is all that `worker failed show` can be told.
type ShowFailed struct {
	ID string `arg:"" name:"id" help:"The job's ID."`
	OneQueue
	JSON bool `name:"json" help:"Print an object."`
	Connection
}

func (c *ShowFailed) complete() error {
	if err := c.OneQueue.complete(); err != nil {
		return err
	}
	return c.Connection.complete()
}

// Chosen are the failed jobs that are to be retried or discarded.
type Chosen struct {
	IDs []string `arg:"" optional:"" name:"id" help:"The jobs' IDs."`
	OneQueue
	All bool `env:"-" help:"All of the queue, or all that the options --handler, --error, --since and --limit leave."`
	Filter
}

func (c *Chosen) complete() error {
	switch {
	case len(c.IDs) == 0 && !c.All:
		return errors.New("--all: neither it nor an ID is given")
	case len(c.IDs) > 0 && c.All:
		return errors.New("--all: an ID is given too")
	case len(c.IDs) > 0 && c.Filter != (Filter{}):
		return errors.New("--handler, --error, --since and --limit: they are for --all, and an ID is given")
	}
	if err := c.OneQueue.complete(); err != nil {
		return err
	}
	return c.Filter.complete()
}

// RetryFailed is all that `worker failed retry` can be told.
type RetryFailed struct {
	Chosen
	Connection
}

func (c *RetryFailed) complete() error {
	if err := c.Chosen.complete(); err != nil {
		return err
	}
	return c.Connection.complete()
}

// DiscardFailed is all that `worker failed discard` can be told.
type DiscardFailed struct {
	Chosen
	Connection
}

func (c *DiscardFailed) complete() error {
	if err := c.Chosen.complete(); err != nil {
		return err
	}
	return c.Connection.complete()
}
