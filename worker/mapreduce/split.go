package mapreduce

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"

	"formation/worker/mapreduce/aggregate"
	"formation/worker/mapreduce/input"
	"formation/worker/mapreduce/line"
	"formation/worker/queue"
)

// group reads a shard's lines and groups them.
func (w *Worker) group(ctx context.Context, t task, spec *Spec) (*made, error) {
	table := aggregate.NewTable(spec.Group.Agg, w.limit())
	var key []byte
	by, of := len(spec.Group.By), slices.Index(spec.names(), spec.Group.Of)
	m, err := w.lines(ctx, t, spec, func(_ []byte, fields []line.Value) error {
		key = key[:0]
		for _, v := range fields[:by] {
			key = aggregate.AppendKey(key, v)
		}
		var v line.Value
		if of >= 0 {
			v = fields[of]
		}
		if err := table.Add(key, v); err != nil {
			return queue.Permanent(fmt.Errorf("%s: %w: have fewer groups, or lower --shard-size", t.Of.Name, err))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	m.counters["no_number"] = table.NoNumber()
	m.data = byPartition(table, t.Shard)
	return m, nil
}

// byPartition divides groups by their keys, for the next stage.
func byPartition(table *aggregate.Table, shard int) []datum {
	var data []datum
	for p, bytes := range table.Encode(partitions) {
		if len(bytes) > 0 {
			data = append(data, datum{p, strconv.Itoa(shard), bytes})
		}
	}
	return data
}

// choose reads a shard's lines and takes those that are wanted as they are.
func (w *Worker) choose(ctx context.Context, t task, spec *Spec) (*made, error) {
	var chosen []byte
	m, err := w.lines(ctx, t, spec, func(text []byte, _ []line.Value) error {
		if len(chosen)+len(text) >= w.limit() {
			return queue.Permanent(fmt.Errorf("%s: a shard has more than %s of such lines: lower --shard-size; a file that is compressed is one shard", t.Of.Name, size(int64(w.limit()))))
		}
		chosen = append(append(chosen, text...), '\n')
		return nil
	})
	if err != nil {
		return nil, err
	}
	m.data = []datum{{0, strconv.Itoa(t.Shard), chosen}}
	return m, nil
}

// lines hands on the lines of a shard that meet the run's conditions, with their fields,
// and counts all of them.
func (w *Worker) lines(ctx context.Context, t task, spec *Spec, do func(text []byte, fields []line.Value) error) (*made, error) {
	if w.root == nil {
		return nil, queue.Permanent(errNoRoot)
	}
	reader, filter, err := spec.reader()
	if err != nil {
		return nil, queue.Permanent(err)
	}
	bad, chosen, problems := int64(0), int64(0), int64(0)
	m := &made{spent: -1}
	counts, err := w.root.Lines(ctx, *t.Of, func(offset int64, text []byte) error {
		fields, err := reader.Fields(text)
		if err != nil {
			if spec.Strict {
				return queue.Permanent(errors.New(at(t, offset, err.Error())))
			}
			bad++
			if len(m.samples) < maxSamples {
				m.samples = append(m.samples, at(t, offset, err.Error()))
			}
			return nil
		}
		if !filter.Match(fields) {
			return nil
		}
		chosen++
		return do(text, fields)
	})
	if err != nil {
		problem, err := unread(t, err)
		if err != nil {
			return nil, err
		}
		if spec.Strict {
			return nil, queue.Permanent(errors.New(problem))
		}
		problems = 1
		m.samples = append(m.samples, problem)
	}
	if counts.Long > 0 {
		long := at(t, counts.FirstLong, "a line of more than 1 MiB")
		if spec.Strict {
			return nil, queue.Permanent(errors.New(long))
		}
		m.samples = append(m.samples, long)
	}
	m.counters = map[string]int64{
		"read":     t.Of.To - t.Of.From,
		"lines":    counts.Lines + counts.Long,
		"chosen":   chosen,
		"bad":      bad,
		"long":     counts.Long,
		"problems": problems,
	}
	return m, nil
}

// triedElsewhere is how often a file that is not there, or may not be read, is looked for,
// as other workers may have it.
const triedElsewhere = 3

// unread judges an error about a shard's file. What is wrong with that file alone is a
// problem, and the rest goes on: it has changed since it was found, or is damaged further
// on, or is not there any more. Anything else is an error, and one for good when the job
// names what plan would not have found.
func unread(t task, err error) (problem string, _ error) {
	_, outside := errors.AsType[input.Problem](err)
	_, damaged := errors.AsType[*input.CorruptError](err)
	gone := errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
	switch {
	case outside:
		return "", queue.Permanent(err)
	case damaged, errors.Is(err, input.ErrChanged), gone && t.attempt >= triedElsewhere:
		return err.Error(), nil
	default:
		return "", err
	}
}

// at says where in a shard's file something is.
func at(t task, offset int64, what string) string {
	return fmt.Sprintf("%s, byte %d: %s", t.Of.Name, offset, what)
}
