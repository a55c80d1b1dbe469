package hello

import (
	"log/slog"
	"time"
)

// outage logs the beginning and the end of a time in which hits cannot be counted, a
// line each, however many hits there were.
type outage struct {
	log   *slog.Logger
	since time.Time // zero while hits are counted
}

// saw takes note of how an addition went.
func (o *outage) saw(err error) {
	switch {
	case err != nil && o.since.IsZero():
		o.since = time.Now()
		o.log.Warn("hits cannot be counted", "error", err)
	case err == nil && !o.since.IsZero():
		o.log.Info("hits are counted again", "after", time.Since(o.since).String())
		o.since = time.Time{}
	}
}
