// Package fleet is the proxy's current picture of one service's instances: which
// there are, which may take requests, and who takes the next.
//
// Requests read one atomic snapshot and never wait for an update of it.
package fleet

import (
	"slices"
	"sync"
	"sync/atomic"

	"formation/consul/discovery"
)

// Pool is what the fleet keeps open towards one instance: its connections.
type Pool interface {
	// CloseIdle closes the idle connections, and those in use as they fall idle,
	// until the pool is used again. It is called when the instance takes no new
	// claims, must not block and may be called more than once.
	CloseIdle()
}

// Fleet balances claims over the instances of the last Update.
// New makes one; all methods may be called at the same time.
type Fleet[P Pool] struct {
	open func(discovery.Instance) P

	rotation atomic.Pointer[rotation[P]]
	turn     atomic.Uint64

	mu      sync.Mutex
	listed  []*Instance[P] // in the order of the last Update
	leaving []*Instance[P] // no longer listed, with claims that still run
}

// New returns a fleet without instances. open makes the pool of an instance that
// is listed for the first time; it must not block.
func New[P Pool](open func(discovery.Instance) P) *Fleet[P] {
	f := &Fleet[P]{open: open}
	f.rotation.Store(newRotation[P](nil))
	return f
}

// Update makes list the fleet. Instances keep their claims and their pool while
// their ID and address stay the same. When Update returns, no new claim falls on
// an instance that left or is not claimable any more; what it has, it finishes.
func (f *Fleet[P]) Update(list []discovery.Instance) {
	f.mu.Lock()
	defer f.mu.Unlock()

	known := make(map[string]*Instance[P], len(f.listed))
	for _, i := range f.listed {
		known[i.ID] = i
	}
	listed := make([]*Instance[P], 0, len(list))
	for _, d := range list {
		i := known[d.ID]
		if i == nil || i.Addr != d.Addr { // another address is another process: it starts anew
			i = newInstance(d, f.open(d))
		} else {
			delete(known, d.ID)
		}
		i.listed = d
		i.unconfirmed.Store(d.Unconfirmed)
		if !d.Unconfirmed {
			i.dropped = false
		}
		listed = append(listed, i)
	}
	for _, i := range f.listed {
		if known[i.ID] == i {
			f.leaving = append(f.leaving, i)
		}
	}
	f.listed = listed
	f.rotate()
	f.leaving = slices.DeleteFunc(f.leaving, func(i *Instance[P]) bool {
		i.close()
		return i.Claims() == 0
	})
}

// ConnectFailed tells the fleet that i did not accept a connection. An unconfirmed
// instance is dropped for it: discovery no longer vouches for it either. Any other
// stays; whether it is alive is for its checks to say.
func (f *Fleet[P]) ConnectFailed(i *Instance[P]) {
	if !i.unconfirmed.Load() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if i.unconfirmed.Load() && !i.dropped {
		i.dropped = true
		f.rotate()
	}
}

// rotate makes the claimable instances the rotation. The new rotation is stored
// before instances close and after they open, so that a claim that finds its
// choice closed finds a newer rotation too.
func (f *Fleet[P]) rotate() {
	claimable := make([]*Instance[P], 0, len(f.listed))
	for _, i := range f.listed {
		if i.claimable() {
			i.reopen()
			claimable = append(claimable, i)
		}
	}
	f.rotation.Store(newRotation(claimable))
	for _, i := range f.listed {
		if !i.claimable() {
			i.close()
		}
	}
}

// Claim chooses an instance that is not among tried and claims it; false means
// that there is none. The caller releases it after the exchange's last byte.
func (f *Fleet[P]) Claim(tried ...*Instance[P]) (*Instance[P], bool) {
	for {
		i := f.rotation.Load().choose(f.turn.Add(1)-1, tried)
		if i == nil {
			return nil, false
		}
		if i.claim() {
			return i, true
		}
	}
}

// Ready reports whether there is an instance to claim.
func (f *Fleet[P]) Ready() bool { return len(f.rotation.Load().members) > 0 }
