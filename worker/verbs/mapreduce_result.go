package verbs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"

	"formation/worker/mapreduce"
	"formation/worker/mapreduce/aggregate"
	"formation/worker/mapreduce/line"
)

// result prints the rows of a run that is done, and what is to be said of it.
func (r run) result(ctx context.Context, s mapreduce.Status) error {
	r.line.clear()
	out, last, printed := &output{to: r.Out}, s.Spec.Last(), 0
	rows := r.rows(out, last)
	err := r.patiently(ctx, func() error {
		n := 0
		return r.runs.Rows(ctx, s, func(row aggregate.Row) error {
			if n++; n <= printed { // before Redis went away
				return nil
			}
			printed++
			rows.add(row)
			return out.check()
		})
	})
	if err == nil {
		if printed == 0 && len(last.By) == 0 {
			rows.add(ofNone(last))
		}
		rows.end()
		err = out.check()
	}
	switch {
	case errors.Is(out.err, syscall.EPIPE): // who reads it has enough
		return nil
	case out.err != nil:
		return fmt.Errorf("standard output: %w", out.err)
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("run %s is done: worker mapreduce attach %s prints its result", r.name, r.name)
	case err != nil:
		return r.left(ctx, err, "")
	}
	r.summary(s)
	return nil
}

// ofNone is the row of the one group of all lines, when there were none.
func ofNone(g *mapreduce.Grouping) (row aggregate.Row) {
	for _, f := range g.Agg {
		v := line.Value{Kind: line.Other, Text: []byte("null")}
		if f == aggregate.Count || f == aggregate.Distinct {
			v = line.Value{Kind: line.Number, Text: []byte("0")}
		}
		row.Values = append(row.Values, v)
	}
	return row
}

// output is standard output. It keeps its first error.
type output struct {
	to  io.Writer
	err error
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (n int, err error) {
	if o.err == nil {
		n, o.err = o.to.Write(p)
	}
	return n, o.err
}

// errOutput is what ends the reading of rows that cannot be printed.
var errOutput = errors.New("standard output takes no more")

func (o *output) check() error {
	if o.err != nil {
		return errOutput
	}
	return nil
}
