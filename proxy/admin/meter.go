package admin

import (
	"sync/atomic"

	"formation/proxy/record"
)

const (
	classes  = 6 // of statuses, by their first digit; 0: outside 100 to 599
	outcomes = int(record.Aborted) + 1
)

// Meter counts the exchanges and tries of one instance. It is a record.Meter.
//
// What it has for itself are plain counters: the load over the instances spreads that
// over them. What all exchanges have in common is in totals.
type Meter struct {
	totals    *totals
	exchanges [classes]atomic.Uint64
	tries     [outcomes]atomic.Uint64
	asked     uint64 // when it was last asked for; guarded by its Metrics' mutex
}

// Exchange is record.Meter's.
func (m *Meter) Exchange(e *record.Exchange) {
	class := e.Status / 100
	if class < 1 || class > 5 {
		class = 0
	}
	m.exchanges[class].Add(1)
	m.totals.add(e)
}

// Try is record.Meter's.
func (m *Meter) Try(o record.Outcome) { m.tries[min(int(o), outcomes-1)].Add(1) }
