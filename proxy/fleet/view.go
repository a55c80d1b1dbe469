package fleet

import "formation/consul/discovery"

// State is what an instance is to the fleet.
type State string

// The states of an instance.
const (
	Ready       State = "ready"       // takes claims
	Unconfirmed State = "unconfirmed" // takes claims while it accepts connections
	NotReady    State = "not ready"   // listed, takes no claims
	Draining    State = "draining"    // takes no new claims, those it has run to their end
)

// States are all there are.
func States() []State { return []State{Ready, Unconfirmed, NotReady, Draining} }

// Status is one instance as people and metrics see it.
type Status struct {
	discovery.Instance
	State  State `json:"state"`
	Claims int64 `json:"claims"`
}

// View lists the instances in the order of the last Update, then those gone that
// still have claims.
func (f *Fleet[P]) View() []Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	view := make([]Status, 0, len(f.listed)+len(f.leaving))
	for _, i := range f.listed {
		view = append(view, i.status())
	}
	for _, i := range f.leaving {
		if s := i.status(); s.Claims > 0 {
			s.State = Draining
			view = append(view, s)
		}
	}
	return view
}

func (i *Instance[P]) status() Status {
	s := Status{Instance: i.listed, Claims: i.Claims()}
	switch {
	case i.claimable() && i.listed.Ready:
		s.State = Ready
	case i.claimable():
		s.State = Unconfirmed
	case s.Claims > 0:
		s.State = Draining
	default:
		s.State = NotReady
	}
	return s
}
