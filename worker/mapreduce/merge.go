package mapreduce

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"

	"formation/worker/mapreduce/aggregate"
	"formation/worker/mapreduce/line"
	"formation/worker/queue"
)

// merge merges what the shards of the stage before have of a partition's groups. The last
// stage makes rows of them, and the one before it groups that are grouped again.
func (w *Worker) merge(ctx context.Context, t task, spec *Spec) (*made, error) {
	g := &spec.Group
	if t.Stage == regroup {
		g = spec.Then
	}
	limit := w.limit()
	if spec.last() != t.Stage {
		limit /= 2 // two tables
	}
	table := aggregate.NewTable(g.Agg, limit)
	key := keysOf(t.Run).data(t.Stage-1, t.Shard)
	var shards []string
	if err := w.patiently(ctx, func() (err error) {
		shards, err = w.redis.HKeys(ctx, key).Result()
		return err
	}); err != nil {
		return nil, err
	}
	for _, shard := range shards {
		var groups []byte
		if err := w.patiently(ctx, func() (err error) {
			groups, err = w.redis.HGet(ctx, key, shard).Bytes()
			if errors.Is(err, redis.Nil) { // the run is over, which record will say
				return nil
			}
			return err
		}); err != nil {
			return nil, err
		}
		if len(groups) == 0 {
			continue
		}
		if err := table.Merge(groups); err != nil {
			return nil, queue.Permanent(err)
		}
	}
	m := &made{spent: t.Shard, last: t.Stage == spec.last()}
	if !m.last {
		again, err := regrouped(spec, table.Rows(0), limit)
		if err != nil {
			return nil, queue.Permanent(err)
		}
		m.data = byPartition(again, t.Shard)
		return m, nil
	}
	m.data = inPieces(table.Rows(spec.Top), t.Shard)
	m.facts = map[string]int64{pieces(t.Shard): int64(len(m.data))}
	return m, nil
}

// regrouped groups rows as --then-by has it.
func regrouped(spec *Spec, rows []aggregate.Row, limit int) (*aggregate.Table, error) {
	columns := spec.Group.Columns()
	by := make([]int, len(spec.Then.By))
	for n, name := range spec.Then.By {
		by[n] = slices.Index(columns, name)
	}
	of := slices.Index(columns, spec.Then.Of)
	table := aggregate.NewTable(spec.Then.Agg, limit)
	var key []byte
	for _, row := range rows {
		if !spec.Group.fits(row) {
			return nil, errRow
		}
		key = key[:0]
		for _, n := range by {
			key = aggregate.AppendKey(key, column(row, n))
		}
		var v line.Value
		if of >= 0 {
			v = column(row, of)
		}
		if err := table.Add(key, v); err != nil {
			return nil, err
		}
	}
	return table, nil
}

// errRow is the error about a row in Redis that no worker of ours has made.
var errRow = errors.New("a row has not the columns that it should")

// fits reports whether a row has a grouping's columns.
func (g *Grouping) fits(row aggregate.Row) bool {
	return len(row.Key) == len(g.By) && len(row.Values) == len(g.Agg)
}

// column is a row's n-th column.
func column(row aggregate.Row, n int) line.Value {
	if n < len(row.Key) {
		return row.Key[n]
	}
	return row.Values[n-len(row.Key)]
}

// piece is how large a piece of a result is, about: it is read piece by piece.
const piece = 256 << 10

// pieces is the field of a run's hash with the number of pieces of a partition's result.
func pieces(partition int) string { return "pieces:" + strconv.Itoa(partition) }

// inPieces is a partition's result as data.
func inPieces(rows []aggregate.Row, partition int) []datum {
	var data []datum
	var bytes []byte
	for n, row := range rows {
		bytes = aggregate.AppendRow(bytes, row)
		if len(bytes) >= piece || n == len(rows)-1 {
			data = append(data, datum{partition, strconv.Itoa(len(data)), bytes})
			bytes = nil
		}
	}
	return data
}
