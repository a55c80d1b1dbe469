package mapreduce

import "strconv"

// runs is the one key that is no run's own: a sorted set of them, by when they expire.
const runs = "mapreduce:runs"

// partitions is into how many parts groups are divided, and so how many workers can merge
// them at a time.
const partitions = 16

// The stages of a run.
const (
	plan    = iota // one shard: finds the files and divides them
	split          // a shard of a file each: reads its lines. (What is usually called map.)
	merge          // a partition each: merges what shards had of its groups
	regroup        // a partition each: the same for what --then-by makes of the groups
	stages
)

// stageNames are what people are shown.
var stageNames = [stages]string{"plan", "map", "reduce", "reduce again"}

// keys are a run's keys in Redis. All have the run's name as their hash tag, so that they
// are on one node of a cluster, and all expire when the run does.
type keys struct {
	tag string
	run string // hash: what it is to do, its state, counters; see transitions/create.lua
	// samples is a list of the first lines that were not of the format, and the like.
	samples string
}

func keysOf(run string) keys {
	tag := "mapreduce:{" + run + "}:"
	return keys{tag: tag, run: tag + "run", samples: tag + "samples"}
}

// recorded is the set of a stage's shards that are done.
func (k keys) recorded(stage int) string { return k.tag + "recorded:" + strconv.Itoa(stage) }

// started is the set of a stage's shards that were ever begun.
func (k keys) started(stage int) string { return k.tag + "started:" + strconv.Itoa(stage) }

// data is a hash with what a stage made for a partition: of plan the shards, by number; of
// split and merge groups, by the shard that they come from; of the last stage rows, in
// pieces by number; of ordered runs lines, by shard.
func (k keys) data(stage, partition int) string {
	return k.tag + "data:" + strconv.Itoa(stage) + ":" + strconv.Itoa(partition)
}

// rest are all keys but the run's own hash; samples is the first.
func (k keys) rest() []string {
	all := append([]string{k.samples}, k.passing()...)
	for p := range partitions {
		all = append(all, k.data(split, p), k.data(merge, p), k.data(regroup, p))
	}
	return all
}

// passing are those that nobody needs any more when the result is there.
func (k keys) passing() []string {
	all := []string{k.data(plan, 0)}
	for stage := range stages {
		all = append(all, k.recorded(stage), k.started(stage))
	}
	return all
}
