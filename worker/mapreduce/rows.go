package mapreduce

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"formation/worker/mapreduce/aggregate"
)

// Rows hands on the rows of the result of a run that is done: the first Top of them, those
// with the most first, or all in the order of their keys. It asks for them piece by piece.
func (r *Runs) Rows(ctx context.Context, s Status, do func(aggregate.Row) error) error {
	if s.State != Done || s.Spec.Ordered {
		return fmt.Errorf("run %s is %s: it has no rows", s.Name, s.State)
	}
	k := keysOf(s.Name)
	var parts []*part
	for p := range partitions {
		one := &part{key: k.data(s.Spec.last(), p)}
		if err := one.fill(ctx, r); err != nil {
			return err
		}
		if len(one.rows) > 0 {
			parts = append(parts, one)
		}
	}
	top := s.Spec.Top > 0
	for n := 0; len(parts) > 0 && (!top || n < s.Spec.Top); n++ {
		first := 0
		for p := range parts {
			if aggregate.Compare(parts[p].rows[0], parts[first].rows[0], top) < 0 {
				first = p
			}
		}
		if err := do(parts[first].rows[0]); err != nil {
			return err
		}
		parts[first].rows = parts[first].rows[1:]
		if err := parts[first].fill(ctx, r); err != nil {
			return err
		}
		if len(parts[first].rows) == 0 {
			parts = append(parts[:first], parts[first+1:]...)
		}
	}
	now, err := r.Status(ctx, s.Name)
	if err == nil && now.State != Done {
		err = fmt.Errorf("run %s is %s meanwhile: this is not all of its result", s.Name, now.State)
	}
	return err
}

// part is what is read of a partition's rows.
type part struct {
	key   string
	piece int // to be read next
	rows  []aggregate.Row
}

// fill reads the next piece, if there is no row left. There is none behind the last.
func (p *part) fill(ctx context.Context, r *Runs) error {
	if len(p.rows) > 0 {
		return nil
	}
	bytes, err := r.redis.HGet(ctx, p.key, strconv.Itoa(p.piece)).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	if err != nil {
		return err
	}
	p.piece++
	return aggregate.DecodeRows(bytes, func(row aggregate.Row) error {
		p.rows = append(p.rows, row)
		return nil
	})
}
