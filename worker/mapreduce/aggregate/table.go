package aggregate

import (
	"fmt"

	"formation/worker/mapreduce/line"
)

// Table has the groups of lines that were added to it, and of those that were merged into
// it. It is not for more than one goroutine at a time.
type Table struct {
	funcs  []Func
	need   needs
	limit  int // bytes
	size   int // bytes of memory that the groups take, about
	groups map[string]*group
}

// NewTable returns a table with no groups. Funcs are as ParseFuncs returns them; limit is
// how many bytes of memory the groups may take, about.
func NewTable(funcs []Func, limit int) *Table {
	return &Table{funcs: funcs, need: needsOf(funcs), limit: limit, groups: map[string]*group{}}
}

// ErrFull is the error of a table whose groups would take more memory than they may.
type ErrFull struct {
	Limit int // bytes
}

func (e *ErrFull) Error() string {
	switch {
	case e.Limit >= 1<<20 && e.Limit%(1<<20) == 0:
		return fmt.Sprintf("there are more groups than fit in %d MiB", e.Limit>>20)
	case e.Limit >= 1<<10 && e.Limit%(1<<10) == 0:
		return fmt.Sprintf("there are more groups than fit in %d KiB", e.Limit>>10)
	}
	return fmt.Sprintf("there are more groups than fit in %d bytes", e.Limit)
}

// Add adds a line to the group of a key, which is of AppendKey, with the value that is
// computed with. Neither is kept. The error is an [*ErrFull]; the table is of no use then.
func (t *Table) Add(key []byte, of line.Value) error {
	g, err := t.group(key)
	if err != nil {
		return err
	}
	g.lines++
	if !t.need.numbers && !t.need.distinct {
		return nil
	}
	g.add(&t.need, of)
	return t.weigh(g)
}

// group returns the group of a key, a new one if there is none and there is room.
func (t *Table) group(key []byte) (*group, error) {
	if g := t.groups[string(key)]; g != nil {
		return g, nil
	}
	g := &group{size: groupBytes}
	if t.size+g.size+len(key) > t.limit {
		return nil, &ErrFull{t.limit}
	}
	t.size += g.size + len(key)
	t.groups[string(key)] = g
	return g, nil
}

// weigh counts what a group has grown by.
func (t *Table) weigh(g *group) error {
	if size := g.bytes(); size != g.size {
		t.size += size - g.size
		g.size = size
		if t.size > t.limit {
			return &ErrFull{t.limit}
		}
	}
	return nil
}

// NoNumber is how many lines had no number where one was asked for: none, or a value that
// is no number.
func (t *Table) NoNumber() (n int64) {
	if t.need.numbers {
		for _, g := range t.groups {
			n += g.lines - g.numbers
		}
	}
	return n
}
