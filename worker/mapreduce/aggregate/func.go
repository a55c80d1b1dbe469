// Package aggregate groups lines and computes something of each group, in parts that can
// be merged: what comes out is the same whatever the parts were and in whatever order they
// were merged.
package aggregate

import (
	"fmt"
	"slices"
)

// Func is what can be computed of a group.
type Func string

const (
	Count    Func = "count"    // of its lines
	Sum      Func = "sum"      // of its numbers, exact
	Min      Func = "min"      // of its numbers, exact
	Max      Func = "max"      // of its numbers, exact
	Mean     Func = "mean"     // of its numbers, the float64 nearest to the exact one
	P50      Func = "p50"      // the number that half of its numbers are not above, about
	P90      Func = "p90"      // the same of nine in ten
	P99      Func = "p99"      // the same of 99 in a hundred
	Distinct Func = "distinct" // how many values there are, about; a missing field is none
)

var funcs = [...]Func{Count, Sum, Min, Max, Mean, P50, P90, P99, Distinct}

// ParseFuncs reads the names of what is to be computed. Each may be there once.
func ParseFuncs(list []string) ([]Func, error) {
	var out []Func
	for _, name := range list {
		var f Func
		if err := f.UnmarshalText([]byte(name)); err != nil {
			return nil, err
		}
		if slices.Contains(out, f) {
			return nil, fmt.Errorf("%s is there twice", f)
		}
		out = append(out, f)
	}
	return out, nil
}

// UnmarshalText takes the name of a Func and no other.
func (f *Func) UnmarshalText(text []byte) error {
	if !slices.Contains(funcs[:], Func(text)) {
		return fmt.Errorf("%.20q is none of %s", text, funcs)
	}
	*f = Func(text)
	return nil
}

// Accuracy says how far from the truth a value may be, relative to it; "" is not at all. That
// of a quantile is the most it can be, that of distinct the standard error: two of three
// values are nearer.
func (f Func) Accuracy() string {
	switch f {
	case P50, P90, P99:
		return "±1%"
	case Distinct:
		return "SE 0.81%"
	}
	return ""
}

// numeric says whether f is of a group's numbers.
func (f Func) numeric() bool { return f != Count && f != Distinct }
