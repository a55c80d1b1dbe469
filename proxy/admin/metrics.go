package admin

import (
	"sync"

	"formation/proxy/fleet"
)

// Metrics counts exchanges. What counts them, each instance's Meter, is there before
// there is a fleet; Handler shows it to Prometheus.
type Metrics struct {
	totals *totals

	mu     sync.Mutex
	meters map[string]*Meter // by the instance's ID
	asked  uint64            // how often one was asked for
}

// NewMetrics returns Metrics that have counted nothing.
func NewMetrics() *Metrics {
	m := &Metrics{totals: newTotals(), meters: map[string]*Meter{}}
	m.Instance("")
	return m
}

// Instance returns the Meter of the instance with this ID, the same as long as its
// fleet has it. The empty ID is for exchanges that reached no instance.
//
// When the fleet has the instance no more, its series end with the next scrape. What
// is counted on its Meter after that shows in no series of the instance, only in the
// proxy's totals; the instance that comes back by the same ID has to ask anew, and
// begins at 0.
func (m *Metrics) Instance(id string) *Meter {
	m.mu.Lock()
	defer m.mu.Unlock()
	meter := m.meters[id]
	if meter == nil {
		meter = &Meter{totals: m.totals}
		m.meters[id] = meter
	}
	m.asked++
	meter.asked = m.asked
	return meter
}

// shown has the fleet's view, and each instance's Meter by its ID, after it has
// forgotten those of instances that are gone.
func (m *Metrics) shown(f Fleet) ([]fleet.Status, map[string]*Meter) {
	m.mu.Lock()
	asked := m.asked
	m.mu.Unlock()
	view := f.View()
	here := map[string]bool{"": true}
	for _, s := range view {
		here[s.ID] = true
	}

	m.mu.Lock()
	defer m.mu.Unlock()
	meters := make(map[string]*Meter, len(m.meters))
	for id, meter := range m.meters {
		// The view may be older than an instance that has asked since.
		if here[id] || meter.asked > asked {
			meters[id] = meter
		} else {
			delete(m.meters, id)
		}
	}
	return view, meters
}
