//go:build servers

package queue

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var seed = flag.Uint64("seed", 0, "of the random steps, to repeat a run; 0: a new one")

// TestRandomStepsDoWhatTheModelDoes compares everything after every step.
func TestRandomStepsDoWhatTheModelDoes(t *testing.T) {
	seeds := []uint64{1, 2, rand.Uint64()}
	if *seed != 0 {
		seeds = []uint64{*seed}
	}
	for _, s := range seeds {
		t.Run(fmt.Sprint("seed=", s), func(t *testing.T) {
			w := &walk{model: newModel(t), rand: rand.New(rand.NewPCG(s, 0)), known: map[string][]*Delivery{}, taken: map[string]int{}}
			for n := range 3 {
				w.consumers = append(w.consumers, w.q.Consumer(fmt.Sprint("c", n), longLease))
				w.claim(w.consumers[n], 1, false)
			}
			for n := range 400 {
				name := w.step()
				w.taken[name]++
				w.check()
				if t.Failed() {
					t.Fatalf("step %d: %s", n, name)
				}
			}
			w.finish()
			t.Logf("%d jobs, steps %v", len(w.all), w.taken)
		})
	}
}

// walk takes random steps.
type walk struct {
	*model
	rand      *rand.Rand
	consumers []*Consumer
	known     map[string][]*Delivery // all that a consumer has ever claimed
	taken     map[string]int         // steps
}

func (w *walk) chance(percent int) bool { return w.rand.IntN(100) < percent }

func (w *walk) step() string {
	at := w.rand.IntN(len(w.consumers))
	c := w.consumers[at]
	switch w.rand.IntN(17) {
	case 0, 1, 2:
		w.enqueue(w.jobs())
		return "enqueue"
	case 3, 4:
		w.learn(c, w.claim(c, w.rand.IntN(4), false))
		return "claim"
	case 5:
		w.learn(c, w.claim(c, 1+w.rand.IntN(2), true))
		return "wait"
	case 6:
		w.heartbeat(c, w.some(c, 5))
		return "heartbeat"
	case 7: // it goes silent, and another takes its place
		w.consumers[at] = w.q.Consumer(fmt.Sprint("c", w.rand.Uint32()), longLease)
		w.leaseEnds(c)
		return "crash"
	case 8:
		w.leaseEnds(c)
		return "lease end"
	case 9, 10:
		w.learn(c, w.reclaim(c, w.rand.IntN(4)))
		return "reclaim"
	case 11:
		plain := slices.DeleteFunc(w.some(c, 4), func(d *Delivery) bool { return !d.Plain() })
		w.acknowledge(c, plain)
		return "acknowledge"
	case 12:
		for _, d := range w.some(c, 1) {
			w.complete(c, d)
		}
		return "complete"
	case 13:
		for _, d := range w.some(c, 1) {
			w.retry(c, d, time.Duration(w.rand.IntN(2))*time.Hour)
		}
		return "retry"
	case 14:
		for _, d := range w.some(c, 1) {
			w.fail(c, d)
		}
		return "fail"
	case 15:
		switch all := w.in(failed); {
		case w.chance(50):
			w.timePasses()
			return "time passes"
		case len(all) > 0 && w.chance(60):
			w.retryFailed(all[w.rand.IntN(len(all))].ID)
			return "retry failed"
		case len(all) > 0:
			w.discard(all[w.rand.IntN(len(all))].ID)
			return "discard"
		}
		return "nothing"
	default:
		switch {
		case w.chance(25):
			w.handBack(c)
			return "hand back"
		case w.chance(30):
			w.leave(c)
			return "leave"
		case w.paused || w.chance(70):
			w.pause(false)
			return "resume"
		default:
			w.pause(true)
			return "pause"
		}
	}
}

// jobs are some to be enqueued: few names and keys, so that they meet.
func (w *walk) jobs() []New {
	jobs := make([]New, 1+w.rand.IntN(4))
	for n := range jobs {
		j := New{Handler: "h", Payload: []byte(fmt.Sprint("p", w.rand.Uint32())), Priority: Priority(w.rand.IntN(priorities))}
		if w.chance(30) {
			j.ID = fmt.Sprint("named", w.rand.IntN(6))
		}
		if w.chance(30) {
			j.Key = fmt.Sprint("k", w.rand.IntN(4))
		}
		if w.chance(20) {
			j.Delay = time.Hour
		}
		if w.chance(5) {
			j.Keep = time.Hour
		}
		if w.chance(10) && j.ID == "" {
			j.Then, j.Priority = "next", Normal
		}
		jobs[n] = j
	}
	return jobs
}

func (w *walk) learn(c *Consumer, jobs []*Delivery) {
	w.known[c.id] = append(w.known[c.id], jobs...)
}

// some are up to n jobs that the consumer has claimed at some time, mostly lately.
func (w *walk) some(c *Consumer, n int) []*Delivery {
	var jobs []*Delivery
	known := w.known[c.id]
	if !w.chance(20) {
		known = known[max(0, len(known)-4):]
	}
	for range n {
		if len(known) == 0 {
			break
		}
		d := known[w.rand.IntN(len(known))]
		if !slices.ContainsFunc(jobs, func(o *Delivery) bool { return o.Place() == d.Place() }) {
			jobs = append(jobs, d)
		}
	}
	return jobs
}

// finish takes everything to its end: nothing is stuck.
func (w *walk) finish() {
	c := w.consumers[0]
	w.pause(false)
	w.timePasses()
	for _, other := range w.in(running) {
		w.leaseEnds(w.q.Consumer(other.owner, longLease))
	}
	for _, j := range w.in(failed) {
		w.discard(j.ID)
	}
	for _, d := range append(w.reclaim(c, 1000), w.claim(c, 1000, false)...) {
		w.complete(c, d)
	}
	w.check()
	for _, j := range w.all {
		if j.state != ended {
			w.t.Errorf("%s is %s at the end", j.ID, j.state)
		}
	}
}
