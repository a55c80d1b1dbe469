package mapreduce

import (
	"errors"
	"fmt"
	"strconv"

	"formation/worker/mapreduce/input"
	"formation/worker/queue"
)

// plan finds the files and divides them into shards.
func (w *Worker) plan(spec *Spec) (*made, error) {
	if w.root == nil {
		return nil, queue.Permanent(errNoRoot)
	}
	files, problems, err := w.root.Find(spec.Inputs)
	if err != nil {
		return nil, queue.Permanent(err)
	}
	if len(problems) > 0 && (spec.Strict || len(files) == 0) {
		return nil, queue.Permanent(fmt.Errorf("%s: %s", problems[0].Name, problems[0].Reason))
	}
	total := int64(0)
	for _, f := range files {
		total += f.Size
	}
	shards := input.Split(files, input.ShardSize(total, spec.ShardSize))
	if len(shards) > input.MaxShards {
		return nil, queue.Permanent(fmt.Errorf("%d shards, more than %d: name fewer files", len(shards), input.MaxShards))
	}
	m := &made{spent: -1, last: len(shards) == 0, facts: map[string]int64{
		"total1":  int64(len(shards)),
		"files":   int64(len(files)),
		"bytes":   total,
		"unfound": int64(len(problems)), // of problems; see transitions/follow.lua
	}, counters: map[string]int64{"problems": int64(len(problems))}}
	for n := range shards {
		text, err := marshal(&shards[n])
		if err != nil {
			return nil, queue.Permanent(err)
		}
		m.data = append(m.data, datum{0, strconv.Itoa(n), text})
	}
	for _, p := range problems[:min(len(problems), maxSamples)] {
		m.samples = append(m.samples, p.Name+": "+p.Reason)
	}
	return m, nil
}

// errNoRoot is the failure of a run whose worker reads no files.
var errNoRoot = errors.New("this worker reads no files: start it with --input-root")

// maxSamples is how many samples a shard has at most; see transitions/record.lua for all.
const maxSamples = 5
