package config

import (
	"fmt"

	"formation/worker/queue"
)

// ListQueues is all that `worker queues` can be told.
type ListQueues struct {
	JSON bool `name:"json" help:"Print an array of objects instead of a table."`
	Connection
}

// Queues are those of commands that are about some.
type Queues struct {
	Names []string `arg:"" name:"queue" help:"The queues' names."`
}

func (c *Queues) complete() error {
	for _, name := range c.Names {
		if err := queue.CheckName(name); err != nil {
			return fmt.Errorf("<queue>: %w", err)
		}
	}
	return nil
}

// PauseQueues is all that `worker queues pause` can be told.
type PauseQueues struct {
	Queues
	Connection
}

// ResumeQueues is all that `worker queues resume` can be told.
type ResumeQueues struct {
	Queues
	Connection
}

func (c *PauseQueues) complete() error {
	if err := c.Queues.complete(); err != nil {
		return err
	}
	return c.Connection.complete()
}

func (c *ResumeQueues) complete() error {
	if err := c.Queues.complete(); err != nil {
		return err
	}
	return c.Connection.complete()
}
