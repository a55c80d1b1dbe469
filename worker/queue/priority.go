package queue

import "fmt"

// Priority is a job's place in the order in which a queue's jobs are taken: those that
// wait with a higher priority go first. The zero value is Normal.
type Priority uint8

// The priorities.
const (
	Normal Priority = iota
	High
	Low
	priorities = 3
)

// order is how they are taken. Not to be changed.
var order = [priorities]Priority{High, Normal, Low}

// lane is the priority's place in that order, from 1, as the transitions have it.
func (p Priority) lane() int {
	switch p {
	case High:
		return 1
	case Low:
		return 3
	default:
		return 2
	}
}

// String is "high", "normal" or "low".
func (p Priority) String() string {
	switch p {
	case High:
		return "high"
	case Low:
		return "low"
	default:
		return "normal"
	}
}

// ParsePriority is String's inverse.
func ParsePriority(s string) (Priority, error) {
	for _, p := range order {
		if s == p.String() {
			return p, nil
		}
	}
	return 0, fmt.Errorf("%q is not high, normal or low", s)
}
