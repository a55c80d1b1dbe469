package main

import (
	"fmt"
	"math"
	"slices"
)

// figures are a contender's in a case: of its samples, and compared with another's.
type figures[S any] struct {
	Against string            `json:"against,omitempty"`
	Median  S                 `json:"median"`
	Ratio   map[string]spread `json:"ratio,omitempty"` // paired, round by round
	Rounds  []S               `json:"rounds"`
}

// spread is a median with what the middle half lies between.
type spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"quartile_1"`
	High   float64 `json:"quartile_3"`
}

// column is one figure of a sample. Those without a name have no ratios.
type column[S any] struct {
	name string
	of   func(*S) *float64
}

// compare works out the figures of samples; against may be empty.
func compare[S any](columns []column[S], samples []S, against string, others []S) figures[S] {
	f := figures[S]{Against: against, Rounds: samples}
	if against != "" {
		f.Ratio = make(map[string]spread)
	}
	for _, column := range columns {
		own := values(samples, column.of)
		*column.of(&f.Median) = quantile(own, 0.5)
		if against != "" && column.name != "" {
			if ratios := pairs(own, values(others, column.of)); ratios != nil {
				f.Ratio[column.name] = spread{quantile(ratios, 0.5), quantile(ratios, 0.25), quantile(ratios, 0.75)}
			}
		}
	}
	return f
}

func values[S any](samples []S, of func(*S) *float64) []float64 {
	var all []float64
	for i := range samples {
		all = append(all, *of(&samples[i]))
	}
	return all
}

// pairs are the ratios round by round; none if there is nothing to divide by.
func pairs(a, b []float64) []float64 {
	var ratios []float64
	for i := range a {
		if b[i] == 0 {
			return nil
		}
		ratios = append(ratios, a[i]/b[i])
	}
	return ratios
}

// quantile of some values, between two of them where it falls there.
func quantile(of []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	at := q * float64(len(sorted)-1)
	low, part := int(math.Floor(at)), at-math.Floor(at)
	if low+1 == len(sorted) {
		return sorted[low]
	}
	return sorted[low]*(1-part) + sorted[low+1]*part
}

// ratio is the table's text, with quartiles in a column of their own.
func (f *figures[S]) ratio(column string, quartiles bool) string {
	s, found := f.Ratio[column]
	switch {
	case !found && quartiles:
		return "\t"
	case !found:
		return ""
	case quartiles:
		return fmt.Sprintf("%.2f\t%.2f–%.2f", s.Median, s.Low, s.High)
	}
	return fmt.Sprintf("%.2f", s.Median)
}
