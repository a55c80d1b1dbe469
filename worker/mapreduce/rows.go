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
		n, err := r.redis.HGet(ctx, k.run, pieces(p)).Int()
		if err != nil && !errors.Is(err, redis.Nil) { // a run without files has none
			return err
		}
		one := &part{key: k.data(s.Spec.last(), p), pieces: n, of: s.Spec.Last()}
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
	return nil
}

// part is what is read of a partition's rows.
type part struct {
	key    string
	pieces int // that there are
	piece  int // to be read next
	of     *Grouping
	rows   []aggregate.Row
}

// fill reads the next piece, if there is no row left, and a piece.
func (p *part) fill(ctx context.Context, r *Runs) error {
	if len(p.rows) > 0 || p.piece == p.pieces {
		return nil
	}
	bytes, err := r.redis.HGet(ctx, p.key, strconv.Itoa(p.piece)).Bytes()
	if errors.Is(err, redis.Nil) {
		return errors.New("a piece of the result is not there any more")
	}
	if err != nil {
		return err
	}
	p.piece++
	return aggregate.DecodeRows(bytes, func(row aggregate.Row) error {
		if !p.of.fits(row) {
			return errRow
		}
		p.rows = append(p.rows, row)
		return nil
	})
}
