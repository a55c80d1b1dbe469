package config

import (
	"errors"
	"fmt"
	"strconv"

	"formation/worker/mapreduce"
	"formation/worker/mapreduce/aggregate"
	"formation/worker/mapreduce/line"
)

// MapReduce is all that `worker mapreduce` can be told about a run. What it is to do is in
// no environment variable.
type MapReduce struct {
	Input   []string `env:"-" sep:"none" placeholder:"PATTERN" help:"The files: a name or a pattern such as 'logs/*.log', below the --input-root of the workers. Can be given several times. A file that is compressed with gzip is read as what it holds."`
	By      []string `env:"-" placeholder:"FIELD" help:"The fields by which lines are grouped. Without any, all lines are one group."`
	Of      string   `env:"-" placeholder:"FIELD" help:"The field that is computed with."`
	Agg     []string `env:"-" placeholder:"FUNC" help:"What is computed of each group: count, sum, min, max, mean, p50, p90, p99 or distinct. The last four are estimates, and the result's header says how good: the most that they are off, or of distinct the standard error (SE). Default: count."`
	Where   []string `env:"-" sep:"none" placeholder:"COND" help:"Only lines for which this holds: FIELD, then =, !=, ~ (a regular expression), !~, <, <=, > or >=, then what it is compared with, such as 'status>=500'. Without the field, only != and !~ hold. Can be given several times: all have to hold."`
	Top     int      `env:"-" default:"0" help:"Only so many groups, those with the most of what --agg names first. 0: all, in the order of --by."`
	ThenBy  []string `env:"-" placeholder:"COLUMN" help:"Group the groups again, by columns of the first result."`
	ThenOf  string   `env:"-" placeholder:"COLUMN" help:"The column that is computed with then. Default: the first that --agg makes."`
	ThenAgg []string `env:"-" placeholder:"FUNC" help:"What is computed then. Default: count."`
	Ordered bool     `env:"-" help:"Put out the lines for which --where holds, in the order of the files, instead of groups."`

	Regexp    *string `env:"-" placeholder:"EXPR" help:"Lines are no JSON, but text: fields are the named groups of this regular expression, such as '^(?P<ip>[^ ]+)'."`
	Column    []int   `env:"-" placeholder:"N" help:"Lines are columns, which are numbered from 1, and are grouped by these. --of and --where have such numbers, too."`
	Separator *string `env:"-" placeholder:"TEXT" help:"Lines are columns, with this between them. Default: any blanks and tabs."`
	Strict    bool    `env:"-" help:"Fail when an input cannot be read, or a line is too long or not of the format, instead of counting and showing them."`

	Printed
	Detach    bool `env:"-" help:"Only start it, and print its name, for worker mapreduce attach."`
	ShardSize Size `placeholder:"SIZE" help:"How much of a file is one job. Default: 32MiB, or 2MiB with --ordered."`
	MaxStored Size `default:"64MiB" help:"How much the run may store in Redis at any time. It fails when that is not enough."`
	OneQueue
	Connection

	// Spec is what the run is to do, complete.
	Spec mapreduce.Spec `kong:"-"`
}

// Help has the examples.
func (c *MapReduce) Help() string {
	return `Requests by status:

	worker mapreduce --input 'logs/*.log' --by status

The slowest paths, by the 99th percentile:

	worker mapreduce --input 'logs/*.log' --by path --of duration_ms --agg p99,count --top 10

Bytes by client:

	worker mapreduce --input 'logs/*.log' --by client --of bytes_out --agg sum --top 10`
}

func (c *MapReduce) complete() error {
	if err := c.OneQueue.complete(); err != nil {
		return err
	}
	if err := c.Printed.complete(); err != nil {
		return err
	}
	switch {
	case c.Ordered && (c.JSON || c.CSV):
		return errors.New("--ordered: it puts out lines as they are, and --json or --csv is given too")
	case c.Detach && (c.JSON || c.CSV):
		return errors.New("--detach: it prints no result, and --json or --csv is given too")
	case len(c.ThenBy) == 0 && (c.ThenOf != "" || len(c.ThenAgg) > 0):
		return errors.New("--then-of and --then-agg: there is no --then-by")
	}
	if err := c.spec(); err != nil {
		return err
	}
	return c.Connection.complete()
}

// spec makes the run's Spec of the options.
func (c *MapReduce) spec() (err error) {
	s := &c.Spec
	*s = mapreduce.Spec{Inputs: c.Input, Ordered: c.Ordered, Top: c.Top, Strict: c.Strict,
		ShardSize: int64(c.ShardSize), MaxStored: int64(c.MaxStored)}
	if s.Format, err = c.format(); err != nil {
		return err
	}
	var asked []string
	for _, text := range c.Where {
		condition, err := line.ParseCondition(text)
		if err != nil {
			return fmt.Errorf("--where: %w", err)
		}
		s.Where = append(s.Where, condition)
		asked = append(asked, condition.Field)
	}
	var columns []string
	for _, n := range c.Column {
		columns = append(columns, strconv.Itoa(n))
	}
	for _, fields := range []struct {
		option string
		names  []string
	}{{"--regexp", nil}, {"--column", columns}, {"--by", c.By}, {"--of", some(c.Of)}, {"--where", asked}} {
		if _, err := line.NewReader(s.Format, fields.names); err != nil {
			return fmt.Errorf("%s: %w", fields.option, err)
		}
	}
	s.Group.By = append(columns, c.By...)
	s.Group.Of = c.Of
	if s.Group.Agg, err = funcs("--agg", c.Agg, !c.Ordered); err != nil {
		return err
	}
	if len(c.ThenBy) > 0 {
		s.Then = &mapreduce.Grouping{By: c.ThenBy, Of: c.ThenOf}
		if s.Then.Agg, err = funcs("--then-agg", c.ThenAgg, true); err != nil {
			return err
		}
		for _, f := range s.Then.Agg {
			if f != aggregate.Count && s.Then.Of == "" && len(s.Group.Agg) > 0 {
				s.Then.Of = string(s.Group.Agg[0])
			}
		}
	}
	return s.Complete()
}

func (c *MapReduce) format() (line.Format, error) {
	switch {
	case c.Regexp != nil && len(c.Column) > 0:
		return line.Format{}, errors.New("--regexp: --column is given too")
	case c.Regexp != nil && c.Separator != nil:
		return line.Format{}, errors.New("--regexp: --separator is given too")
	case c.Regexp != nil:
		return line.Format{Kind: line.Regexp, Regexp: *c.Regexp}, nil
	case c.Separator != nil:
		return line.Format{Kind: line.Columns, Separator: *c.Separator}, nil
	case len(c.Column) > 0:
		return line.Format{Kind: line.Columns}, nil
	}
	return line.Format{Kind: line.JSON}, nil
}

// some is a list of a text, if it is any.
func some(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

// funcs are what is computed: count, when nothing is said and there have to be some.
func funcs(option string, list []string, some bool) ([]aggregate.Func, error) {
	if len(list) == 0 && some {
		return []aggregate.Func{aggregate.Count}, nil
	}
	all, err := aggregate.ParseFuncs(list)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", option, err)
	}
	return all, nil
}

// Printed is how a result is printed.
type Printed struct {
	JSON bool `name:"json" help:"Print an array of objects instead of a table."`
	CSV  bool `name:"csv" help:"Print CSV (RFC 4180) instead of a table."`
}

func (c *Printed) complete() error {
	if c.JSON && c.CSV {
		return errors.New("--csv: --json is given too")
	}
	return nil
}

// ShowRuns is all that `worker mapreduce status` can be told.
type ShowRuns struct {
	Run  string `arg:"" optional:"" name:"run" help:"The run's name. Without it, all runs are listed."`
	JSON bool   `name:"json" help:"Print an object, or an array of them, instead of text."`
	Connection
}

func (c *ShowRuns) complete() error { return c.Connection.complete() }

// AttachRun is all that `worker mapreduce attach` can be told.
type AttachRun struct {
	Run string `arg:"" name:"run" help:"The run's name."`
	Printed
	Connection
}

func (c *AttachRun) complete() error {
	if err := c.Printed.complete(); err != nil {
		return err
	}
	return c.Connection.complete()
}

// CancelRun is all that `worker mapreduce cancel` can be told.
type CancelRun struct {
	Run string `arg:"" name:"run" help:"The run's name."`
	Connection
}

func (c *CancelRun) complete() error { return c.Connection.complete() }
