package mapreduce

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"formation/worker/queue"
)

// begun is what a worker learns when it begins with a shard.
type begun struct {
	over     bool // the run is over, or there is none
	recorded bool // the shard is done
	complete bool // all of its stage are
	spec     *Spec
}

func (w *Worker) begin(ctx context.Context, t task) (begun, error) {
	k := keysOf(t.Run)
	reply, err := beginScript.Run(ctx, w.redis, []string{k.run, k.recorded(t.Stage), k.started(t.Stage)}, t.Epoch, t.Stage, t.Shard).Slice()
	if err != nil {
		return begun{}, err
	}
	if len(reply) == 0 {
		return begun{over: true}, nil
	}
	if len(reply) != 3 {
		return begun{}, errReply
	}
	text, ok := reply[0].(string)
	if !ok {
		return begun{}, errReply
	}
	spec, err := parseSpec(text)
	if err != nil { // a newer worker may know better
		return begun{}, err
	}
	return begun{recorded: reply[1] == int64(1), complete: reply[2] == int64(1), spec: spec}, nil
}

// parseSpec reads a spec as Start has stored it.
func parseSpec(text string) (*Spec, error) {
	spec := &Spec{}
	if err := unmarshal([]byte(text), spec); err != nil {
		return nil, fmt.Errorf("%w: %w", errSpec, err)
	}
	if err := spec.Complete(); err != nil {
		return nil, fmt.Errorf("%w: %w", errSpec, err)
	}
	return spec, nil
}

// errSpec is the error about a spec that cannot be read.
var errSpec = errors.New("what the run is to do is unclear")

// made is what was made of a shard.
type made struct {
	facts    map[string]int64 // about the run
	counters map[string]int64
	samples  []string
	data     []datum
	// spent is the partition, of the stage before, that went into it; -1: none.
	spent int
	// last is whether there is nothing to do after this shard's stage.
	last bool
}

// datum is what was made of a shard for a partition: a field of its hash.
type datum struct {
	partition int
	field     string
	bytes     []byte
}

// record records that a shard is done, with what was made of it. It reports whether all
// shards of its stage are recorded. When the run is over meanwhile nothing happens.
func (w *Worker) record(ctx context.Context, t task, spec *Spec, m *made) (complete bool, err error) {
	k := keysOf(t.Run)
	keys := []string{k.run, k.recorded(t.Stage), k.samples, k.run}
	if m.spent >= 0 {
		keys[3] = k.data(t.Stage-1, m.spent)
	}
	for p := range partitions {
		keys = append(keys, k.data(t.Stage, p))
	}
	follows := strconv.Itoa(t.Stage + 1)
	switch {
	case t.Stage == split && spec.Ordered:
		follows = ""
	case m.last:
		follows = "done"
		keys = append(keys, k.passing()...)
	}
	args := []any{t.Epoch, t.Stage, t.Shard, m.spent >= 0, m.spent, follows, spec.MaxStored, ResultLife.Milliseconds()}
	for _, numbers := range []map[string]int64{m.facts, m.counters} {
		args = append(args, 2*len(numbers))
		for name, n := range numbers {
			args = append(args, name, n)
		}
	}
	args = append(args, len(m.samples))
	for _, s := range m.samples {
		args = append(args, s)
	}
	args = append(args, 3*len(m.data))
	for _, d := range m.data {
		args = append(args, d.partition+1, d.field, d.bytes)
	}
	reply, err := recordScript.Run(ctx, w.redis, keys, args...).Slice()
	if err != nil {
		return false, err
	}
	if len(reply) != 2 {
		return false, errReply
	}
	switch reply[0] {
	case "over":
		return false, nil
	case "full":
		what := "have fewer groups"
		if spec.Ordered {
			what = "lower --shard-size"
		}
		return false, queue.Permanent(fmt.Errorf("the run would store more than %s in Redis: raise --max-stored, or %s", size(spec.MaxStored), what))
	case "none":
		return false, queue.Permanent(fmt.Errorf("shard: the run's stage %d has no %d", t.Stage, t.Shard))
	case "recorded", "again":
		return reply[1] == int64(1), nil
	default:
		return false, errReply
	}
}

// last is a run's last stage.
func (s *Spec) last() int {
	switch {
	case s.Ordered:
		return split
	case s.Then != nil:
		return regroup
	default:
		return merge
	}
}

// size prints bytes for people.
func size(bytes int64) string {
	switch {
	case bytes >= 1<<30 && bytes%(1<<30) == 0:
		return strconv.FormatInt(bytes>>30, 10) + " GiB"
	case bytes >= 1<<20 && bytes%(1<<20) == 0:
		return strconv.FormatInt(bytes>>20, 10) + " MiB"
	default:
		return strconv.FormatInt(bytes, 10) + " bytes"
	}
}
