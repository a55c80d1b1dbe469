//go:build servers

package queue

import (
	"cmp"
	"fmt"
	"github.com/redis/go-redis/v9"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// model is what a queue is to be, in plain Go. Each of its steps does the same on Redis
// and compares what comes of it.
type model struct {
	t    testing.TB
	q    *Queue
	next *Queue // where some results go; nobody takes jobs off it

	all    []*job // that were ever in the queue
	had    map[Place]*job
	keys   map[string]string // to the ID of the job that has it
	rank   int               // the last one given
	paused bool
	count  struct{ enqueued, done, retried, failures, handedBack, sent int64 }
}

// job is one of the model's.
type job struct {
	New
	lane              int
	state             state
	rank              int  // while it waits: its place in the lane; the same for those that came in one step
	due               bool // while it is delayed
	attempts, crashes int  // before this entry

	// While it runs.
	place     Place
	owner     string
	delivered int
	overdue   bool
}

type state string

const (
	waiting state = "waiting"
	running state = "running"
	delayed state = "delayed"
	failed  state = "failed"
	ended   state = "ended"
)

func newModel(t testing.TB) *model {
	server, q := newQueue(t)
	q.Bound = 40
	return &model{t: t, q: q, next: open(t, server, "next"), had: map[Place]*job{}, keys: map[string]string{}}
}

// in are the jobs in a state, in the order of lanes and there of entries or ranks.
func (m *model) in(s state) []*job {
	var jobs []*job
	for _, j := range m.all {
		if j.state == s {
			jobs = append(jobs, j)
		}
	}
	slices.SortStableFunc(jobs, func(a, b *job) int {
		if s == running {
			return cmp.Or(cmp.Compare(a.lane, b.lane), compareEntries(a.place.entry, b.place.entry))
		}
		return cmp.Or(cmp.Compare(a.lane, b.lane), cmp.Compare(a.rank, b.rank))
	})
	return jobs
}

func compareEntries(a, b string) int {
	var am, as, bm, bs int64
	fmt.Sscanf(a, "%d-%d", &am, &as)
	fmt.Sscanf(b, "%d-%d", &bm, &bs)
	return cmp.Or(cmp.Compare(am, bm), cmp.Compare(as, bs))
}

func (m *model) owedBy(c *Consumer) []*job {
	return slices.DeleteFunc(m.in(running), func(j *job) bool { return j.owner != c.id })
}

// using is the job that has a chosen ID.
func (m *model) using(id string) *job {
	for _, j := range m.all {
		if j.ID == id && j.state != ended {
			return j
		}
	}
	return nil
}

func (m *model) enqueue(jobs []New) {
	held := len(m.in(waiting)) + len(m.in(running)) + len(m.in(delayed))
	receipts, err := m.q.Enqueue(m.t.Context(), jobs...)
	if more := m.news(jobs); more > 0 && held+more > int(m.q.Bound) {
		is(m.t, "full", err, fmt.Sprintf("%v: it holds %d jobs of %d", ErrFull, held, m.q.Bound))
		return
	}
	if err != nil {
		m.t.Fatal(err)
	}
	for n, r := range receipts {
		j := &job{New: jobs[n], lane: jobs[n].Priority.lane(), state: waiting}
		want := Receipt{ID: j.ID}
		if j.ID == "" {
			want.ID = r.ID
		} else if m.using(j.ID) != nil {
			want.Duplicate = true
		}
		if id := m.keys[j.Key]; j.Key != "" && id != "" && !want.Duplicate {
			want = Receipt{id, true}
		}
		is(m.t, "receipt", r, want)
		if want.Duplicate {
			continue
		}
		if j.Key != "" {
			m.keys[j.Key] = r.ID
		}
		j.ID = r.ID
		j.rank = m.nextRank()
		if j.Delay > 0 {
			j.state = delayed
		}
		m.all = append(m.all, j)
		m.count.enqueued++
	}
}

// news is how many of the jobs are not there yet.
func (m *model) news(jobs []New) (n int) {
	ids, keys := map[string]bool{}, map[string]bool{}
	for _, j := range jobs {
		there := j.ID != "" && (ids[j.ID] || m.using(j.ID) != nil)
		if there = there || j.Key != "" && (keys[j.Key] || m.keys[j.Key] != ""); there {
			continue
		}
		n++
		ids[j.ID], keys[j.Key] = true, true
	}
	return n
}

func (m *model) nextRank() int {
	m.rank++
	return m.rank
}

// claim also takes what waiting for jobs brings, when that is asked for: up to n of each
// lane, and also while the queue is paused.
func (m *model) claim(c *Consumer, n int, byWaiting bool) []*Delivery {
	var got []*Delivery
	if byWaiting {
		got = need[[]*Delivery](m.t)(c.Wait(m.t.Context(), n, time.Millisecond))
	} else {
		claimed := need[Claimed](m.t)(c.Claim(m.t.Context(), n))
		is(m.t, "paused", claimed.Paused, m.paused)
		if m.paused {
			is(m.t, "claimed while paused", len(claimed.Jobs), 0)
			return nil
		}
		got = claimed.Jobs
		rank := m.nextRank()
		for _, j := range m.in(delayed) {
			if j.due {
				j.state, j.rank = waiting, rank
			}
		}
	}
	var want, ranks []string
	perLane := map[int]int{}
	for _, j := range m.in(waiting) {
		if !byWaiting && len(want) < n || byWaiting && perLane[j.lane] < n {
			want = append(want, fmt.Sprint(j.lane, ":", j.rank))
			perLane[j.lane]++
		}
	}
	for _, d := range got {
		j := m.using(d.ID)
		if j == nil || j.state != waiting {
			m.t.Fatalf("%s is claimed, and is %+v", d.ID, j)
		}
		ranks = append(ranks, fmt.Sprint(j.lane, ":", j.rank))
		j.state, j.place, j.owner, j.delivered, j.overdue = running, d.Place(), c.id, 1, false
		m.had[d.Place()] = j
		m.compare(d, j)
	}
	is(m.t, "claimed", ranks, want)
	return got
}

// compare compares a delivery to the job.
func (m *model) compare(d *Delivery, j *job) {
	is(m.t, "delivery", []any{d.ID, d.Handler, d.Payload, d.Key, d.lane, d.Attempt, d.Attempts, d.Crashes, d.Fault},
		[]any{j.ID, j.Handler, string(j.Payload), j.Key, j.lane, j.attempts + 1, DefaultAttempts, j.crashes + j.delivered - 1, nil})
}

// owns is the job whose end a delivery still is.
func (m *model) owns(d *Delivery) *job {
	if j := m.had[d.Place()]; j.state == running && j.place == d.Place() {
		return j
	}
	return nil
}

func (m *model) heartbeat(c *Consumer, jobs []*Delivery) {
	var places, lost []Place
	for _, d := range jobs {
		places = append(places, d.Place())
		if j := m.owns(d); j != nil && j.owner == c.id {
			j.overdue = false
		} else {
			lost = append(lost, d.Place())
		}
	}
	is(m.t, "lost", need[[]Place](m.t)(c.Extend(m.t.Context(), places)), lost)
}

// leaseEnds lets the lease run out on all that a consumer has.
func (m *model) leaseEnds(c *Consumer) {
	for _, p := range pending(m.t, m.q, c.id) {
		ageLease(m.t, m.q, p, longLease)
		m.had[p.Place].overdue = true
	}
}

// timePasses makes all delayed jobs due.
func (m *model) timePasses() {
	for _, member := range do(m.t, m.q, "ZRANGE", m.q.keys.delayed, 0, -1).([]any) {
		do(m.t, m.q, "ZINCRBY", m.q.keys.delayed, -time.Hour.Milliseconds(), member)
	}
	for _, j := range m.in(delayed) {
		j.due = true
	}
}

func (m *model) reclaim(c *Consumer, n int) []*Delivery {
	// Somebody has watched all the time, and nobody has searched just now.
	now := time.Now().UnixMilli()
	do(m.t, m.q, "HSET", m.q.keys.state, "watched", now, "since", now-longLease.Milliseconds()-1, "searched", 0)
	got := reclaim(m.t, c, n)
	var want []*job
	for _, j := range m.in(running) {
		if j.overdue && len(want) < n && !m.paused {
			want = append(want, j)
		}
	}
	if len(got) != len(want) {
		m.t.Fatalf("%d jobs are reclaimed, want %d", len(got), len(want))
	}
	for n, j := range want {
		is(m.t, "reclaimed", got[n].Place(), j.place)
		if j.owner != c.id { // else an answer was lost, and nobody has died
			j.delivered++
		}
		j.owner, j.overdue = c.id, false
		m.compare(got[n], j)
	}
	return got
}

func (m *model) acknowledge(c *Consumer, jobs []*Delivery) {
	want := int64(0)
	for _, d := range jobs {
		if j := m.owns(d); j != nil {
			j.state = ended
			want++
		}
	}
	m.count.done += want
	is(m.t, "acknowledged", need[int64](m.t)(c.Acknowledge(m.t.Context(), jobs)), want)
}

func (m *model) complete(c *Consumer, d *Delivery) {
	j := m.owns(d)
	is(m.t, "completed", need[bool](m.t)(c.Complete(m.t.Context(), d, []byte("result of "+d.ID))), j != nil)
	if j == nil {
		return
	}
	j.state = ended
	m.count.done++
	if j.Then != "" {
		m.count.sent++
	}
	if j.Keep == 0 {
		m.free(j)
		return
	}
	result, there, err := m.q.Result(m.t.Context(), j.ID)
	is(m.t, "the result", []any{string(result), there, err}, []any{"result of " + d.ID, true, nil})
}

func (m *model) free(j *job) {
	if m.keys[j.Key] == j.ID {
		delete(m.keys, j.Key)
	}
}

func (m *model) retry(c *Consumer, d *Delivery, delay time.Duration) {
	j := m.owns(d)
	is(m.t, "retried", need[bool](m.t)(c.Retry(m.t.Context(), d, delay)), j != nil)
	if j != nil {
		j.state, j.due, j.attempts, j.crashes = delayed, delay == 0, d.Attempt, d.Crashes
		m.count.retried++
	}
}

func (m *model) fail(c *Consumer, d *Delivery) {
	j := m.owns(d)
	is(m.t, "failed", need[bool](m.t)(c.Fail(m.t.Context(), d, "broken", d.Attempt)), j != nil)
	if j != nil {
		j.state, j.attempts = failed, d.Attempt
		m.free(j)
		m.count.failures++
	}
}

func (m *model) handBack(c *Consumer) {
	owed := m.owedBy(c)
	is(m.t, "handed back", need[int64](m.t)(c.HandBack(m.t.Context())), len(owed))
	for _, j := range owed {
		j.state, j.rank = waiting, m.nextRank()
		j.crashes += j.delivered - 1
	}
	m.count.handedBack += int64(len(owed))
}

func (m *model) leave(c *Consumer) {
	is(m.t, "left", need[bool](m.t)(c.Leave(m.t.Context())), len(m.owedBy(c)) == 0)
}

func (m *model) pause(paused bool) {
	step := m.q.Resume
	if paused {
		step = m.q.Pause
	}
	if err := step(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
	m.paused = paused
}

func (m *model) retryFailed(id string) {
	f, j := m.find(id)
	there, err := m.q.RetryFailed(m.t.Context(), f)
	is(m.t, "it was there", there, true)
	if has := m.keys[j.Key]; j.Key != "" && has != "" {
		is(m.t, "its key is taken", err, fmt.Sprintf("%v: %s", ErrKeyTaken, has))
		return
	}
	is(m.t, "tried again", err, nil)
	if j.Key != "" {
		m.keys[j.Key] = j.ID
	}
	j.state, j.rank, j.attempts, j.crashes = waiting, m.nextRank(), 0, 0
	m.count.enqueued++
}

func (m *model) discard(id string) {
	f, j := m.find(id)
	is(m.t, "discarded", need[int64](m.t)(m.q.Discard(m.t.Context(), f, f)), 1)
	j.state = ended
}

func (m *model) find(id string) (Failed, *job) {
	f, there, err := m.q.FindFailed(m.t.Context(), id)
	j := m.using(id)
	if err != nil || !there || j.state != failed {
		m.t.Fatalf("failed job %s is there: %v (%v), and is %+v", id, there, err, j)
	}
	is(m.t, "the failed job", []any{f.ID, f.Handler, string(f.Payload), f.Priority, f.Error, f.Attempts, f.Key},
		[]any{j.ID, j.Handler, string(j.Payload), j.Priority, "broken", j.attempts, j.Key})
	return f, j
}

// check compares all of the queue with all of the model.
func (m *model) check() {
	t, k := m.t, &m.q.keys
	s := stats(t, m.q)
	s.Oldest, s.Rate, s.Workers = 0, 0, 0
	c := &m.count
	is(t, "stats", s, Stats{
		Waiting: int64(len(m.in(waiting))), Running: int64(len(m.in(running))), Delayed: int64(len(m.in(delayed))), Failed: int64(len(m.in(failed))),
		Paused: m.paused, Enqueued: c.enqueued, Done: c.done, Retried: c.retried, Failures: c.failures, HandedBack: c.handedBack})

	var got, want []string
	for _, p := range pending(t, m.q, "") {
		got = append(got, fmt.Sprint(p.Place, p.consumer, p.delivered, p.idle >= longLease))
	}
	for _, j := range m.in(running) {
		want = append(want, fmt.Sprint(j.place, j.owner, j.delivered, j.overdue))
	}
	is(t, "pending", got, want)

	got, want = nil, nil
	for n, lane := range k.lanes {
		spent := 0
		for _, entry := range do(t, m.q, "XRANGE", lane, "-", "+").([]any) {
			place := Place{n + 1, entry.([]any)[0].(string)}
			switch j := m.had[place]; {
			case j == nil:
				fields := need[[]string](t)(text(entry.([]any)[1]))
				j = m.using(delivery(place.lane, place.entry, fields, 1).ID)
				got = append(got, fmt.Sprint(n+1, ":", j.rank))
			case j.state != running || j.place != place:
				spent++
			}
		}
		counted, err := m.q.redis.HGet(t.Context(), k.state, fmt.Sprint("spent", n+1)).Int()
		if err != nil && err != redis.Nil || counted != spent {
			t.Errorf("lane %d has %d spent entries, and counts %d (%v)", n+1, spent, counted, err)
		}
	}
	for _, j := range m.in(waiting) {
		want = append(want, fmt.Sprint(j.lane, ":", j.rank))
	}
	is(t, "waiting", got, want)

	got, want = nil, nil
	for _, id := range do(t, m.q, "HKEYS", k.ids).([]any) {
		got = append(got, id.(string))
	}
	for _, j := range m.all {
		if j.state == failed || j.state != ended && strings.HasPrefix(j.ID, "named") {
			want = append(want, j.ID)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	is(t, "IDs in use", got, want)

	got = nil
	for _, key := range do(t, m.q, "KEYS", k.of("*")).([]any) {
		got = append(got, strings.TrimPrefix(key.(string), k.of(""))+"="+do(t, m.q, "GET", key).(string))
	}
	want = nil
	for key, id := range maps.All(m.keys) {
		want = append(want, key+"="+id)
	}
	slices.Sort(got)
	slices.Sort(want)
	is(t, "keys in use", got, want)
	is(t, "sent on", do(t, m.q, "XLEN", m.next.keys.lanes[1]), c.sent)
}
