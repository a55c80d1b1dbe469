package line

import (
	"fmt"
	"slices"
)

// Filter chooses lines that meet conditions, all of them. It may be used by several
// goroutines.
type Filter struct {
	conditions []placed
}

// placed is a condition of the value at a place.
type placed struct {
	place int
	meets func(Value) bool
}

// NewFilter returns a Filter of the values that a [Reader] of the fields with these names
// returns. Its errors name the condition.
func NewFilter(conditions []Condition, names []string) (*Filter, error) {
	f := &Filter{}
	for _, c := range conditions {
		place := slices.Index(names, c.Field)
		if place < 0 {
			return nil, fmt.Errorf("condition %.100q: the field is not read", c)
		}
		meets, err := c.meets()
		if err != nil {
			return nil, err
		}
		f.conditions = append(f.conditions, placed{place, meets})
	}
	return f, nil
}

// Match reports whether a line with these values meets the conditions.
func (f *Filter) Match(values []Value) bool {
	for _, c := range f.conditions {
		if !c.meets(values[c.place]) {
			return false
		}
	}
	return true
}
