// Package discovery finds the instances of one service and keeps finding them:
// through Consul's HTTP API, through Consul's DNS, or from a list on the command
// line. Whatever the source, it publishes whole sets, and what it published stays
// good while the source does not answer.
package discovery

import "time"

// Instance is one registered address of a service.
type Instance struct {
	ID     string            `json:"id"`             // unique in a set: "node/service ID" from Consul, the address elsewhere
	Addr   string            `json:"addr"`           // "host:port"; host is an IP address or a host name, port is 1 to 65535
	Node   string            `json:"node,omitempty"` // Consul's node name; empty from other sources
	Weight int               `json:"weight"`         // share of the traffic relative to its peers', 1 to 65535
	Tags   []string          `json:"tags,omitempty"`
	Meta   map[string]string `json:"meta,omitempty"`

	// Ready: Consul would send traffic there, its aggregate over all checks is
	// passing or warning.
	Ready bool `json:"ready"`
	// Alive: its liveness check passes, whatever readiness says.
	Alive bool `json:"alive"`
	// Unconfirmed: it was ready before the source broke (or before a list that
	// would have emptied the fleet) and has not been seen ready since. It gets
	// requests while it accepts connections.
	Unconfirmed bool `json:"unconfirmed,omitempty"`
}

// Claimable reports whether requests may be sent to the instance.
func (i Instance) Claimable() bool { return i.Ready || i.Unconfirmed }

// Set is what a source publishes: all of a service's instances at one moment, and
// how far they can be trusted. It is never modified after it was published.
type Set struct {
	Instances []Instance // sorted by ID
	From      string     // what listed them: "consul", "dns", "static" or "state file"
	Err       error      // why the source does not answer at the moment; nil while it does
	Since     time.Time  // when From or Err last changed
}
