package background

import (
	"context"
	"slices"
	"sync"
	"time"

	"formation/worker/queue"
)

// held is a job that the worker has in hand: claimed, and its end not yet in the queue.
type held struct {
	*queue.Delivery
	risky bool      // see hands.risky
	since time.Time // when it was taken in hand

	// Guarded by the hands' mutex.
	cancel context.CancelCauseFunc // while it runs
	ended  bool                    // it has run, or is not going to
	lost   bool                    // its lease
}

// maxPrefetch is how many jobs beyond those that can run at once a worker claims at most.
const maxPrefetch = 200

// soon is within what time a job that is claimed in advance should begin. Where jobs take
// longer, others can have it sooner.
const soon = 5 * time.Millisecond

// hands are the jobs that a worker has in hand.
type hands struct {
	slots int
	// risky is whether a job goes to the failed queue when the worker dies with it. Of
	// those there is one in hand at most, so that none fails for another's crash, but for
	// the first ones of a job that is new.
	risky func(*queue.Delivery) bool
	freed chan struct{} // has an item when there may be room again
	todo  chan struct{} // has an item for each job that waits to be begun

	mu       sync.Mutex
	held     map[queue.Place]*held
	waiting  map[queue.Priority][]*held // to be begun
	active   int                        // of held, how many have not ended
	risks    int                        // of these, the risky ones
	promised int                        // room given out, not used yet
	took     float64                    // how long a job takes, in nanoseconds: a moving average
	size     float64                    // how large its payload is, in bytes: the same
}

func newHands(slots int, risky func(*queue.Delivery) bool) *hands {
	return &hands{
		slots:   slots,
		risky:   risky,
		freed:   make(chan struct{}, 1),
		todo:    make(chan struct{}, 3*(slots+maxPrefetch)+3), // room's, spare's; and Wait claims 3 where there is room for 1
		held:    map[queue.Place]*held{},
		waiting: map[queue.Priority][]*held{},
	}
}

// room promises room for up to n jobs, which add then uses or gives back; 0: there is
// none.
func (h *hands) room(n int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n = max(0, min(n, h.slots+h.ahead()-h.active-h.promised))
	h.promised += n
	return n
}

// spare is like room, for jobs that are to be taken over: there is room for as many again,
// however busy the worker is, as they have waited long enough.
func (h *hands) spare(n int) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n = max(0, min(n, 2*h.slots+h.ahead()-h.active))
	h.promised += n
	return n
}

// maxAhead is how much jobs that are claimed in advance may weigh, in bytes.
const maxAhead = 8 << 20

// ahead is how many jobs are worth claiming in advance: those that begin soon.
func (h *hands) ahead() int {
	if h.took == 0 {
		return 0
	}
	return int(min(maxPrefetch, float64(h.slots)*float64(soon)/h.took, maxAhead/(h.size+1)))
}

// add takes jobs in hand for which room was promised, to be begun later. It returns those
// that were not there before (a lease that ran out may bring back a job that is running),
// and those that are too risky to have now.
func (h *hands) add(promised int, jobs []*queue.Delivery) (added []*held, risky []*queue.Delivery) {
	defer h.free()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.promised -= promised
	added = make([]*held, 0, len(jobs))
	now := time.Now()
	for _, d := range jobs {
		average(&h.size, float64(len(d.Payload)))
		if _, there := h.held[d.Place()]; there {
			continue
		}
		j := &held{Delivery: d, risky: h.risky(d), since: now}
		if j.risky {
			if h.risks > 0 {
				risky = append(risky, d)
				continue
			}
			h.risks++
		}
		h.held[d.Place()] = j
		added = append(added, j)
	}
	h.active += len(added)
	return added, risky
}

// ready says that jobs may be begun; those that were taken over before others of their
// priority.
func (h *hands) ready(jobs []*held, over bool) {
	h.mu.Lock()
	for _, j := range jobs {
		p := j.Priority()
		if over {
			h.waiting[p] = slices.Insert(h.waiting[p], 0, j)
		} else {
			h.waiting[p] = append(h.waiting[p], j)
		}
	}
	h.mu.Unlock()
	for range jobs {
		select {
		case h.todo <- struct{}{}:
		default: // of stale jobs there are items, too: no fewer than jobs
		}
	}
}

// next returns the job that is to be begun next; nil: there is none.
func (h *hands) next() *held {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range [...]queue.Priority{queue.High, queue.Normal, queue.Low} {
		if list := h.waiting[p]; len(list) > 0 {
			j := list[0]
			list[0] = nil
			h.waiting[p] = list[1:]
			return j
		}
	}
	return nil
}

// begin says that a job runs, and how it is cancelled. It cancels it at once if its lease
// was lost before.
func (h *hands) begin(j *held, cancel context.CancelCauseFunc) {
	h.mu.Lock()
	defer h.mu.Unlock()
	j.cancel = cancel
	if j.lost {
		cancel(ErrLost)
	}
}

// end says that a job has run for a time, or was never begun: 0.
func (h *hands) end(j *held, took time.Duration) {
	h.mu.Lock()
	j.cancel, j.ended = nil, true
	h.active--
	if j.risky {
		h.risks--
	}
	if took > 0 {
		average(&h.took, float64(took))
	}
	h.mu.Unlock()
	h.free()
}

// average makes a value count in a moving average; 0: there was none yet.
func average(of *float64, value float64) {
	const weight = 0.05
	if *of == 0 {
		*of = value
	}
	*of += weight * (value - *of)
}

// stale takes out what waits to be begun for longer than d. Jobs take that long, then: no
// more are claimed in advance until they are seen to be quicker.
func (h *hands) stale(d time.Duration) (jobs []*held) {
	before := time.Now().Add(-d)
	h.mu.Lock()
	defer h.mu.Unlock()
	for p, list := range h.waiting {
		h.waiting[p] = slices.DeleteFunc(list, func(j *held) bool {
			late := j.since.Before(before)
			if late {
				jobs = append(jobs, j)
			}
			return late
		})
	}
	if len(jobs) > 0 {
		h.took = max(h.took, float64(d))
	}
	return jobs
}

// free wakes who waits for room.
func (h *hands) free() {
	select {
	case h.freed <- struct{}{}:
	default:
	}
}

// remove takes jobs out of hand.
func (h *hands) remove(jobs ...*held) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, j := range jobs {
		delete(h.held, j.Place())
	}
}

// places are those of all that is in hand.
func (h *hands) places() []queue.Place {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]queue.Place, 0, len(h.held))
	for p := range h.held {
		all = append(all, p)
	}
	return all
}

// lose says that the lease on a job was lost, and cancels it if it runs. It returns the
// job when that is news: one that has ended may have been settled meanwhile.
func (h *hands) lose(p queue.Place) *held {
	h.mu.Lock()
	defer h.mu.Unlock()
	j := h.held[p]
	if j == nil || j.lost || j.ended {
		return nil
	}
	j.lost = true
	if j.cancel != nil {
		j.cancel(ErrLost)
	}
	return j
}

// running is how many jobs have not run to their end.
func (h *hands) running() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.active
}
