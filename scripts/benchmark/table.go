package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// shown is a column as a table has it.
type shown[S any] struct {
	column[S]
	unit, format string
}

func find[S any](columns []shown[S], name string) shown[S] {
	for _, c := range columns {
		if c.name == name {
			return c
		}
	}
	panic("no column " + name)
}

// wish is what is wanted of a column, or of its ratio to that of what it is compared
// with: at least or at most.
type wish struct {
	column          string
	ratio           bool
	atLeast, atMost float64
}

// judge compares with what is wanted, where there is something to compare with.
func judge[S any](columns []shown[S], wishes []wish, f *figures[S]) (goals []*goal) {
	for _, w := range wishes {
		column := find(columns, w.column)
		g := &goal{Of: column.unit, AtLeast: w.atLeast, AtMost: w.atMost, Is: *column.of(&f.Median)}
		if w.ratio {
			ratio, found := f.Ratio[w.column]
			if !found {
				continue
			}
			g.Of, g.Is = fmt.Sprintf("%s to those of %s", column.unit, f.Against), ratio.Median
		}
		goals = append(goals, g.judge())
	}
	return goals
}

// writeTable prints some columns. What it is about, the first, has a ratio, with
// quartiles; so have other columns, without. A figure that there is not is 0.
func writeTable[S any](w io.Writer, columns []shown[S], shows []string, lines []*resultLine[S]) {
	var head strings.Builder
	cells := make([]strings.Builder, len(lines))
	for n, name := range shows {
		c := find(columns, name)
		compared := slices.ContainsFunc(lines, func(l *resultLine[S]) bool { _, found := l.Ratio[name]; return found })
		fmt.Fprintf(&head, "\t%s", c.unit)
		if compared {
			head.WriteString("\tratio")
			if n == 0 {
				head.WriteString("\tquartiles")
			}
		}
		for i, l := range lines {
			figure := ""
			if is := *c.of(&l.Median); is != 0 {
				figure = fmt.Sprintf(c.format, is)
			}
			fmt.Fprintf(&cells[i], "\t%s", figure)
			if compared {
				fmt.Fprintf(&cells[i], "\t%s", l.ratio(name, n == 0))
			}
		}
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%s\t\n", &head)
	for i, l := range lines {
		fmt.Fprintf(t, "%s%s\t\n", l.label, &cells[i])
	}
	t.Flush()
}
