package aggregate

import (
	"container/heap"
	"slices"

	"formation/worker/mapreduce/line"
)

// Row is a group with what was computed of it.
type Row struct {
	Key []line.Value
	// Values are one of each func: a Number or, where the group has no numbers, null.
	Values []line.Value
}

// Rows returns the groups in the order of [Compare]: all, in the order of their keys, or,
// with a top above 0, so many at most, those with the most of the first func first. They
// take memory beside the groups.
func (t *Table) Rows(top int) []Row {
	var found candidates
	for key, g := range t.groups {
		d := decoder{rest: []byte(key)}
		c := candidate{Row{Key: d.fields()}, g}
		if top > 0 {
			c.Values = []line.Value{g.value(t.funcs[0])}
		}
		switch {
		case top <= 0 || len(found) < top:
			found = append(found, c)
			if len(found) == top {
				heap.Init(&found)
			}
		case Compare(c.Row, found[0].Row, true) < 0:
			found[0] = c
			heap.Fix(&found, 0)
		}
	}
	rows := make([]Row, 0, len(found))
	for _, c := range found {
		for _, f := range t.funcs[len(c.Values):] {
			c.Values = append(c.Values, c.group.value(f))
		}
		rows = append(rows, c.Row)
	}
	slices.SortFunc(rows, func(a, b Row) int { return Compare(a, b, top > 0) })
	return rows
}

// candidate is a group that may be among the top.
type candidate struct {
	Row
	group *group
}

// candidates are a heap: the first is the last in the order of the top.
type candidates []candidate

func (c candidates) Len() int           { return len(c) }
func (c candidates) Less(i, j int) bool { return Compare(c[i].Row, c[j].Row, true) > 0 }
func (c candidates) Swap(i, j int)      { c[i], c[j] = c[j], c[i] }
func (*candidates) Push(any)            {} // they are not added to
func (*candidates) Pop() any            { return nil }
