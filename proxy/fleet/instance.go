package fleet

import (
	"math"
	"sync/atomic"

	"formation/consul/discovery"
)

// Instance is one instance of the fleet, as long as its ID and address last.
type Instance[P Pool] struct {
	ID   string
	Addr string // host:port
	Pool P

	// claims counts the claims held. While the instance takes no new ones, closed
	// is added to it: choosing and draining meet in this one word, so that no
	// claim slips in behind a drain.
	claims      atomic.Int64
	unconfirmed atomic.Bool

	// Guarded by the fleet's mutex.
	listed  discovery.Instance
	dropped bool // it refused a connection while it was unconfirmed
}

const closed = math.MinInt64 / 2

func newInstance[P Pool](d discovery.Instance, p P) *Instance[P] {
	return &Instance[P]{ID: d.ID, Addr: d.Addr, Pool: p}
}

// Claims is the number of claims held.
func (i *Instance[P]) Claims() int64 {
	n := i.claims.Load()
	if n < 0 {
		n -= closed
	}
	return n
}

// Release ends one claim.
func (i *Instance[P]) Release() { i.claims.Add(-1) }

// claim takes a claim, unless the instance is closed.
func (i *Instance[P]) claim() bool {
	if i.claims.Add(1) > 0 {
		return true
	}
	i.claims.Add(-1)
	return false
}

// claimable is called with the fleet's mutex held.
func (i *Instance[P]) claimable() bool { return i.listed.Claimable() && !i.dropped }

// close and reopen are called with the fleet's mutex held.
func (i *Instance[P]) close() {
	if i.claims.Load() >= 0 {
		i.claims.Add(closed)
	}
	i.Pool.CloseIdle()
}

func (i *Instance[P]) reopen() {
	if i.claims.Load() < 0 {
		i.claims.Add(-closed)
	}
}
