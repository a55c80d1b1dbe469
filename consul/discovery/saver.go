package discovery

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"
)

// The waits between attempts to write a state file whose disk fails.
const (
	firstSaveRetry = time.Second
	mostSaveRetry  = time.Minute
)

// Saver keeps a state file at the newest set, beside a [Source] whose publish calls
// Put. It is made by [NewSaver].
type Saver struct {
	path, service string
	log           *slog.Logger
	newest        chan []Instance // holds one at most

	save func(path, service string, instances []Instance) error
}

// NewSaver makes a saver for one service's state file. log may be nil.
func NewSaver(path, service string, log *slog.Logger) *Saver {
	return &Saver{path, service, logger(log, service), make(chan []Instance, 1), Save}
}

// Put hands over a set and never waits. Only a set from a source that answers and
// that has an instance to send requests to is worth keeping; others are ignored.
// It is to be called from one goroutine at a time.
func (s *Saver) Put(set Set) {
	if set.Err != nil || !slices.ContainsFunc(set.Instances, Instance.Claimable) {
		return
	}
	select {
	case <-s.newest: // an older one that nobody will miss
	default:
	}
	s.newest <- set.Instances // does not wait: there is one sender
}

// Run writes what Put hands over until the context ends, and then what it handed
// over last; so the source has to end first. A file that cannot be written is a line
// in the log, and tried again.
func (s *Saver) Run(ctx context.Context) error {
	retry := backoff{first: firstSaveRetry, most: mostSaveRetry, random: rand.Float64}
	again := time.NewTimer(0)
	again.Stop()
	defer again.Stop()

	var unsaved []Instance
	failing := false
	for {
		select {
		case <-ctx.Done():
		case unsaved = <-s.newest:
		case <-again.C:
		}
		ended := ctx.Err() != nil
		select {
		case unsaved = <-s.newest: // handed over before it ended
		default:
		}
		again.Stop()
		if unsaved != nil {
			err := s.save(s.path, s.service, unsaved)
			if err != nil {
				again.Reset(retry.next())
			} else {
				unsaved = nil
				retry.reset()
			}
			if failed := err != nil; failed != failing {
				failing = failed
				s.logChange(err)
			}
		}
		if ended {
			return nil
		}
	}
}

func (s *Saver) logChange(err error) {
	if err != nil {
		s.log.Warn("discovery: the state file is not written, will try again", "error", err)
	} else {
		s.log.Info("discovery: the state file is written again")
	}
}
