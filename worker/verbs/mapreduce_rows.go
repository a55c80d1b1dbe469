package verbs

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"formation/worker/mapreduce"
	"formation/worker/mapreduce/aggregate"
	"formation/worker/mapreduce/line"
)

// rows prints the rows of a result while they come. Whether that could be done their writer
// knows.
type rows interface {
	add(aggregate.Row)
	end()
}

// rows are those that --json and --csv ask for.
func (r run) rows(out io.Writer, g *mapreduce.Grouping) rows {
	switch {
	case r.JSON:
		buffer := bufio.NewWriter(out)
		return &jsonRows{names: g.Columns(), to: buffer, array: array{to: buffer}}
	case r.CSV:
		c := &csvRows{to: csv.NewWriter(out), clean: terminal(r.Out)}
		c.write(headers(g))
		return c
	}
	t := &table{to: bufio.NewWriter(out), keys: len(g.By)}
	for _, name := range headers(g) {
		t.header = append(t.header, strings.ToUpper(printable(name)))
	}
	return t
}

// headers are the names of columns, with the error of what is estimated.
func headers(g *mapreduce.Grouping) []string {
	names := g.Columns()
	for n, f := range g.Agg {
		if e := f.Accuracy(); e != "" {
			names[len(g.By)+n] += " (" + e + ")"
		}
	}
	return names
}

// jsonRows prints an array of objects.
type jsonRows struct {
	names []string
	to    *bufio.Writer
	array array
}

func (j *jsonRows) add(row aggregate.Row) { j.array.add(record{j.names, row}) }

func (j *jsonRows) end() {
	j.array.end()
	_ = j.to.Flush()
}

// record is a row as an object, whose members are in the order of the columns.
type record struct {
	names []string
	row   aggregate.Row
}

// MarshalJSON implements [json.Marshaler].
func (r record) MarshalJSON() ([]byte, error) {
	b, all := []byte("{"), slices.Concat(r.row.Key, r.row.Values)
	for n, name := range r.names {
		if n > 0 {
			b = append(b, ',')
		}
		b = append(append(b, object(name)...), ':')
		v := all[n]
		switch {
		case v.Kind == line.Missing:
			b = append(b, "null"...)
		case v.Kind != line.String && json.Valid(v.Text):
			b = append(b, v.Text...)
		default:
			b = append(b, object(string(v.Text))...)
		}
	}
	return append(b, '}'), nil
}

// csvRows prints CSV.
type csvRows struct {
	to    *csv.Writer
	clean bool // for a terminal
}

func (c *csvRows) add(row aggregate.Row) {
	fields := make([]string, 0, len(row.Key)+len(row.Values))
	for _, v := range row.Key {
		fields = append(fields, string(v.Text)) // nothing of what is missing
	}
	for _, v := range row.Values {
		if none(v) {
			v.Text = nil
		}
		fields = append(fields, string(v.Text))
	}
	c.write(fields)
}

func (c *csvRows) write(fields []string) {
	if c.clean {
		for n := range fields {
			fields[n] = printable(fields[n])
		}
	}
	_ = c.to.Write(fields)
}

func (c *csvRows) end() { c.to.Flush() }

// none reports whether what was computed is of no numbers.
func none(v line.Value) bool { return v.Kind == line.Other && bytes.Equal(v.Text, []byte("null")) }

// A table's columns are as wide as the widest of so many rows needs, but not more than so
// many characters.
const (
	measured = 10_000
	widest   = 100
)

// table prints rows in columns: what they are grouped by on the left, numbers on the right.
type table struct {
	to     *bufio.Writer
	header []string
	keys   int        // how many columns are on the left
	held   [][]string // rows that are not printed yet
	widths []int      // characters; nil: not known yet
}

func (t *table) add(row aggregate.Row) {
	cells := make([]string, 0, len(t.header))
	for _, v := range row.Key {
		cells = append(cells, cell(v))
	}
	for _, v := range row.Values {
		if none(v) {
			v = line.Value{}
		}
		cells = append(cells, cell(v))
	}
	if t.widths != nil {
		t.print(cells)
		return
	}
	if t.held = append(t.held, cells); len(t.held) == measured {
		t.measure()
	}
}

// cell is a value for the eyes.
func cell(v line.Value) string {
	switch {
	case v.Kind == line.Missing:
		return "-"
	case len(v.Text) == 0:
		return `""`
	}
	return printable(string(v.Text))
}

func (t *table) measure() {
	t.widths = make([]int, len(t.header))
	all := append([][]string{t.header}, t.held...)
	for _, cells := range all {
		for n, c := range cells {
			t.widths[n] = max(t.widths[n], min(utf8.RuneCountInString(c), widest))
		}
	}
	for _, cells := range all {
		t.print(cells)
	}
	t.held = nil
}

func (t *table) print(cells []string) {
	for n, c := range cells {
		if n > 0 {
			_, _ = t.to.WriteString("  ")
		}
		switch last := n == len(cells)-1; {
		case n >= t.keys:
			fmt.Fprintf(t.to, "%*s", t.widths[n], c)
		case last:
			_, _ = t.to.WriteString(c)
		default:
			fmt.Fprintf(t.to, "%-*s", t.widths[n], c)
		}
	}
	_ = t.to.WriteByte('\n')
}

func (t *table) end() {
	if t.widths == nil {
		t.measure()
	}
	_ = t.to.Flush()
}
