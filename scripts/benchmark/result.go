package main

import (
	"fmt"
	"io"
)

// result is a case's figures, as --json writes them, in a table of columns.
type result[S disturbable] struct {
	Name    string           `json:"name"`
	About   string           `json:"about"`
	Lines   []*resultLine[S] `json:"lines"`
	Goals   []*goal          `json:"goals,omitempty"`
	Notes   []string         `json:"notes,omitempty"`
	columns []shown[S]
	shows   []string // the columns of the table
	wishes  []wish   // of ours
}

// resultLine is a contender's.
type resultLine[S any] struct {
	Peer    string `json:"peer"`
	Waiting *int64 `json:"waiting,omitempty"` // jobs; nil: not a matter of this benchmark
	Workers int    `json:"workers,omitempty"`
	figures[S]
	label string
}

// disturbable is a sample that others may have spoilt.
type disturbable interface {
	disturbed() float64 // the part of the processors that others took
}

// add adds a contender, with the figures of its samples; against may be empty.
func (r *result[S]) add(l *resultLine[S], samples []S, against string, others []S) {
	var columns []column[S]
	for _, c := range r.columns {
		columns = append(columns, c.column)
	}
	l.figures = compare(columns, samples, against, others)
	r.Lines = append(r.Lines, l)
	if l.Peer == ours {
		r.Goals = append(r.Goals, judge(r.columns, r.wishes, &l.figures)...)
	}
}

// write prints a case's table.
func (r *result[S]) write(w io.Writer) {
	fmt.Fprintf(w, "\n%s: %s\n", r.Name, r.About)
	writeTable(w, r.columns, r.shows, r.Lines)
	for _, g := range r.Goals {
		g.write(w, 2)
	}
	for _, l := range r.Lines {
		if part := l.Median.disturbed(); part > 0.05 {
			fmt.Fprintf(w, "  others took %.0f%% of the processors from %s: better when nothing else runs\n", 100*part, l.label)
		}
	}
	for _, note := range r.Notes {
		fmt.Fprintf(w, "  %s\n", note)
	}
}
