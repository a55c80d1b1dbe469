package verbs

import (
	"sync"
	"sync/atomic"
	"time"
)

// progressEvery is after what time of a long command it is told how far that is.
const progressEvery = 5 * time.Second

// nowAndThen calls tell each time that an interval is over, until stop, which returns when no
// call is under way.
func nowAndThen(interval time.Duration, tell func()) (stop func()) {
	var ended sync.WaitGroup
	stopped := make(chan struct{})
	ended.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-stopped:
				return
			case <-tick.C:
				tell()
			}
		}
	})
	return sync.OnceFunc(func() { close(stopped); ended.Wait() })
}

// progress tells how many jobs have been enqueued, when that takes long.
type progress struct {
	done atomic.Int64
	stop func()
}

func newProgress(s session) *progress {
	p, said := new(progress), int64(-1)
	p.stop = nowAndThen(progressEvery, func() {
		switch done := p.done.Load(); {
		case done == said: // the input is slow
		case done == 0:
			said = 0
			s.note("nothing is enqueued yet; payloads are expected on standard input, one a line")
		default:
			said = done
			s.note("%s enqueued so far", jobs(done))
		}
	})
	return p
}

func (p *progress) set(done int64) { p.done.Store(done) }
