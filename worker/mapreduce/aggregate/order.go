package aggregate

import (
	"bytes"
	"cmp"

	"formation/worker/mapreduce/line"
)

// Compare returns -1 if a is before b, 1 if it is behind b, and 0 if they have the same
// key. With top, rows are in the order of their first value, the largest first and those
// that have none last, and only those of the same value by their keys.
//
// Keys are compared field by field: a missing field is before a number, that before a
// string, and that before anything else. Numbers are in their order; so are strings that
// read as numbers, which are before all others. What is left is in the order of its bytes.
func Compare(a, b Row, top bool) int {
	if top {
		if c := compareFirst(a.Values, b.Values); c != 0 {
			return c
		}
	}
	for n := range min(len(a.Key), len(b.Key)) {
		if c := compareFields(a.Key[n], b.Key[n]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a.Key), len(b.Key))
}

func compareFirst(a, b []line.Value) int {
	x, hasX := first(a)
	y, hasY := first(b)
	switch {
	case hasX && hasY:
		return y.compare(x)
	case hasX:
		return -1
	case hasY:
		return 1
	}
	return 0
}

func first(values []line.Value) (decimal, bool) {
	if len(values) == 0 || values[0].Kind != line.Number {
		return decimal{}, false
	}
	return parse(values[0].Text)
}

func compareFields(a, b line.Value) int {
	if a.Kind != b.Kind {
		return cmp.Compare(order(a.Kind), order(b.Kind))
	}
	if a.Kind == line.Number || a.Kind == line.String {
		x, isX := parse(a.Text)
		y, isY := parse(b.Text)
		switch {
		case isX && isY:
			if c := x.compare(y); c != 0 {
				return c
			}
		case isX:
			return -1
		case isY:
			return 1
		}
	}
	return bytes.Compare(a.Text, b.Text)
}

func order(k line.Kind) int {
	switch k {
	case line.Missing:
		return 0
	case line.Number:
		return 1
	case line.String:
		return 2
	}
	return 3
}
