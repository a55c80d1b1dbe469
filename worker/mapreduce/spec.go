package mapreduce

import (
	"errors"
	"fmt"
	"slices"

	"formation/worker/mapreduce/aggregate"
	"formation/worker/mapreduce/line"
)

// The bounds of a run. Whoever passes them gets an error that says so.
const (
	maxInputs = 1000
	maxFields = 64   // fields of --by, and conditions, each
	maxText   = 4096 // bytes of a pattern or a field's name
	maxTop    = 1_000_000
	minShard  = 1 << 10
	maxShard  = 1 << 30
	minStored = 1 << 10
	maxStored = 1 << 40
)

// Spec is what a run is to do: to group lines and compute something of each group, or to
// put out the lines themselves, in their order.
type Spec struct {
	// Inputs are patterns of files (as path.Match has them) below the workers' input root.
	Inputs []string
	Format line.Format // of lines; zero: JSON
	// Where are the conditions that a line has to meet, all of them.
	Where []line.Condition `json:",omitempty"`
	// Ordered asks for the lines, in the order of the files and of the lines in each.
	// There is nothing to group then.
	Ordered bool `json:",omitempty"`
	// Group is how lines are grouped.
	Group Grouping
	// Then is how the groups, each as a line with the columns of Group, are grouped again;
	// nil: they are not.
	Then *Grouping `json:",omitempty"`
	// Top is how many groups are wanted: those with the most of what is computed first. 0:
	// all, in the order of their keys.
	Top int `json:",omitempty"`
	// Strict makes errors of what else is only counted and shown: inputs that cannot be
	// read, lines that are not of the format or too long.
	Strict bool `json:",omitempty"`
	// ShardSize is how many bytes of a file one job reads, about; 0: DefaultShard, or
	// OrderedShard.
	ShardSize int64
	// MaxStored bounds what a run stores in Redis at any time, in bytes; 0: DefaultStored.
	MaxStored int64
}

// Grouping is how lines are grouped, and what is computed of each group.
type Grouping struct {
	By  []string         `json:",omitempty"` // fields; none: all lines are one group
	Of  string           `json:",omitempty"` // the field that is computed with; only counting needs none
	Agg []aggregate.Func `json:",omitempty"`
}

// What a Spec has that says nothing.
const (
	DefaultShard  = 32 << 20
	OrderedShard  = 2 << 20
	DefaultStored = 64 << 20
)

// Complete checks a spec and puts in what it leaves open. Its errors name what is wrong as
// the command line has it.
func (s *Spec) Complete() error {
	if s.Format.Kind == "" {
		s.Format.Kind = line.JSON
	}
	if s.ShardSize == 0 {
		s.ShardSize = DefaultShard
		if s.Ordered {
			s.ShardSize = OrderedShard
		}
	}
	if s.MaxStored == 0 {
		s.MaxStored = DefaultStored
	}
	switch {
	case len(s.Inputs) == 0:
		return errors.New("--input: there is none")
	case len(s.Inputs) > maxInputs:
		return fmt.Errorf("--input: %d patterns, more than %d", len(s.Inputs), maxInputs)
	case len(s.Where) > maxFields:
		return fmt.Errorf("--where: %d conditions, more than %d", len(s.Where), maxFields)
	case s.Top < 0 || s.Top > maxTop:
		return fmt.Errorf("--top: %d is not within 0 and %d", s.Top, maxTop)
	case s.ShardSize < minShard || s.ShardSize > maxShard:
		return fmt.Errorf("--shard-size: %d is not within %d and %d", s.ShardSize, minShard, maxShard)
	case s.MaxStored < minStored || s.MaxStored > maxStored:
		return fmt.Errorf("--max-stored: %d is not within %d and %d", s.MaxStored, minStored, int64(maxStored))
	}
	for _, name := range slices.Concat(s.Inputs, s.names()) {
		if len(name) > maxText {
			return fmt.Errorf("%.20q… has more than %d bytes", name, maxText)
		}
	}
	if err := s.shape(); err != nil {
		return err
	}
	_, _, err := s.reader()
	return err
}

// shape checks how lines and groups are to be grouped.
func (s *Spec) shape() error {
	if s.Ordered {
		if len(s.Group.By) > 0 || s.Group.Of != "" || len(s.Group.Agg) > 0 || s.Then != nil || s.Top > 0 {
			return errors.New("--ordered puts out lines: it goes with --where, and with none of --by, --of, --agg, --top and --then-by")
		}
		return nil
	}
	if err := s.Group.check("--by", "--of", "--agg"); err != nil {
		return err
	}
	if s.Then == nil {
		return nil
	}
	if err := s.Then.check("--then-by", "--then-of", "--then-agg"); err != nil {
		return err
	}
	if len(s.Then.By) == 0 {
		return errors.New("--then-by: there is none")
	}
	columns := s.Group.Columns()
	for _, name := range s.Then.By {
		if !slices.Contains(columns, name) {
			return fmt.Errorf("--then-by: %q is none of the columns before it: %q", name, columns)
		}
	}
	if s.Then.Of != "" && !slices.Contains(columns, s.Then.Of) {
		return fmt.Errorf("--then-of: %q is none of the columns before it: %q", s.Then.Of, columns)
	}
	return nil
}

func (g *Grouping) check(by, of, agg string) error {
	if len(g.By) > maxFields {
		return fmt.Errorf("%s: %d fields, more than %d", by, len(g.By), maxFields)
	}
	if len(g.Agg) == 0 {
		return fmt.Errorf("%s: there is none", agg)
	}
	for _, f := range g.Agg {
		if f != aggregate.Count && g.Of == "" {
			return fmt.Errorf("%s: %s is of a field: give %s", agg, f, of)
		}
	}
	seen := map[string]bool{}
	for _, name := range g.Columns() {
		if seen[name] {
			return fmt.Errorf("%s and %s: two columns would have the name %q", by, agg, name)
		}
		seen[name] = true
	}
	return nil
}

// Columns are the names of a grouping's columns: of its fields, then of what is computed.
func (g *Grouping) Columns() []string {
	columns := slices.Clone(g.By)
	for _, f := range g.Agg {
		columns = append(columns, string(f))
	}
	return columns
}

// Last is the grouping that makes the result.
func (s *Spec) Last() *Grouping {
	if s.Then != nil {
		return s.Then
	}
	return &s.Group
}

// names are the fields that a line is asked for, those that it is grouped by first.
func (s *Spec) names() []string {
	names := slices.Clone(s.Group.By)
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if s.Group.Of != "" {
		add(s.Group.Of)
	}
	for _, c := range s.Where {
		add(c.Field)
	}
	return names
}

// reader returns what finds the fields of names in a line, and what chooses lines.
func (s *Spec) reader() (*line.Reader, *line.Filter, error) {
	reader, err := line.NewReader(s.Format, s.names())
	if err != nil {
		return nil, nil, err
	}
	filter, err := line.NewFilter(s.Where, s.names())
	if err != nil {
		return nil, nil, fmt.Errorf("--where: %w", err)
	}
	return reader, filter, nil
}
