package verbs

import (
	"sync"
	"sync/atomic"
	"time"
)

// progressEvery is after what time of a long command it is told how far that is.
const progressEvery = 5 * time.Second

// progress tells how many jobs have been enqueued, when that takes long.
type progress struct {
	done  atomic.Int64
	ended sync.WaitGroup
	stop  func()
}

func newProgress(s session) *progress {
	p, stop := new(progress), make(chan struct{})
	p.stop = sync.OnceFunc(func() { close(stop); p.ended.Wait() })
	p.ended.Go(func() {
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for said := int64(-1); ; {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			switch done := p.done.Load(); {
			case done == said: // the input is slow
			case done == 0:
				said = 0
				s.note("nothing is enqueued yet; payloads are expected on standard input, one a line")
			default:
				said = done
				s.note("%s enqueued so far", jobs(done))
			}
		}
	})
	return p
}

func (p *progress) set(done int64) { p.done.Store(done) }
