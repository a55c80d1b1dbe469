package discovery

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// listing is an instance as its source listed it.
type listing struct {
	Instance
	// maintenance: an operator, or the instance itself, said that it takes no
	// traffic. That is no accident, so it is never held.
	maintenance bool
}

// heldInstance is one that the source no longer lists as ready, and that is kept
// all the same until it is seen ready or the time has come.
type heldInstance struct {
	Instance
	until time.Time // zero while it is still listed as ready
}

// keeper is the hold rule: how far a removal is believed.
//
// On an unbroken watch a removal is trusted, unless it empties the fleet: then those
// removed are held. A break (the source failed, or went back in time) ends the trust:
// from the first good answer after it, and for the hold time, every instance that was
// claimable and is now missing or not ready is held. Not ready counts, because what
// registers anew after its agent lost its memory starts with critical checks.
//
// A held instance is let go when it is seen ready, when the hold time has passed,
// when it is put in maintenance, or when another listed instance has its address: a
// new process may have taken a dead one's port (nomad#17079). While the source fails
// nothing expires.
//
// It knows no clock and starts no timer: the time is passed in.
type keeper struct {
	hold    time.Duration           // how long an unconfirmed instance is kept; 0 holds nothing
	listed  []listing               // what the source listed last
	held    map[string]heldInstance // by ID
	started bool                    // listed is the source's own, not the state file's
	failing bool                    // the source has not answered since it broke
	window  time.Time               // until then removals are not believed
}

// fail takes note of a break.
func (k *keeper) fail() { k.failing = true }

// list takes the source's answer.
func (k *keeper) list(listed []listing, now time.Time) {
	before := k.claimable()
	emptied := !slices.ContainsFunc(listed, func(l listing) bool { return l.Ready })
	if k.failing || !k.started && emptied && len(before) > 0 {
		k.window = now.Add(k.hold)
	}
	k.failing, k.started = false, true

	byID := make(map[string]listing, len(listed))
	places := make(map[string]int, len(listed))
	for _, l := range listed {
		byID[l.ID] = l
		places[l.Addr]++
	}
	k.listed, k.held = listed, make(map[string]heldInstance)
	for id, h := range before {
		l, isListed := byID[id]
		if isListed && (l.Ready || l.maintenance || l.Addr != h.Addr) {
			continue
		}
		others := places[h.Addr]
		if isListed {
			others--
		}
		if others > 0 {
			continue
		}
		switch {
		case now.Before(k.window):
			h.until = k.window
		case h.until.IsZero() && emptied && !isListed:
			h.until = now.Add(k.hold)
		}
		if h.until.After(now) {
			h.Ready, h.Unconfirmed = false, true
			k.held[id] = h
		}
	}
}

// expire lets go of the instances whose time has come.
func (k *keeper) expire(now time.Time) {
	if k.failing {
		return
	}
	maps.DeleteFunc(k.held, func(_ string, h heldInstance) bool { return !h.until.After(now) })
}

// deadline is when expire has something to do next; zero for never.
func (k *keeper) deadline() time.Time {
	var first time.Time
	if k.failing {
		return first
	}
	for _, h := range k.held {
		if first.IsZero() || h.until.Before(first) {
			first = h.until
		}
	}
	return first
}

// instances gives what the source listed, with what is held in place of it, sorted
// by ID.
func (k *keeper) instances() []Instance {
	all := make([]Instance, 0, len(k.listed)+len(k.held))
	for _, l := range k.listed {
		if _, ok := k.held[l.ID]; !ok {
			all = append(all, l.Instance)
		}
	}
	for _, h := range k.held {
		all = append(all, h.Instance)
	}
	slices.SortFunc(all, func(a, b Instance) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// claimable gives the instances that requests may be sent to, by ID.
func (k *keeper) claimable() map[string]heldInstance {
	all := maps.Clone(k.held)
	if all == nil {
		all = make(map[string]heldInstance, len(k.listed))
	}
	for _, l := range k.listed {
		if _, ok := all[l.ID]; !ok && l.Claimable() {
			all[l.ID] = heldInstance{Instance: l.Instance}
		}
	}
	return all
}
