package queue

// names is the one key that is no queue's own: the set of their names.
const names = "queues"

// keys are a queue's keys in Redis. All have the queue's name as their hash tag, so that
// they are on one node of a cluster. What each holds, and how it changes, is told by the
// files in transitions/.
type keys struct {
	tag     string
	state   string             // hash: whether it is paused, what reclaim remembers, counters
	lanes   [priorities]string // streams of jobs, in the order in which they are taken
	delayed string             // sorted set of packed jobs, by when they are due
	failed  string             // stream of failed jobs
	ids     string             // hash: chosen IDs in use, to nothing; those of failed jobs, to their entry
	rate    string             // hash: steps of 5 s to jobs done
	workers string             // sorted set of consumers, by when they were last heard of
	leases  string             // hash: consumers to their leases in ms
}

func keysOf(queue string) keys {
	tag := "queue:{" + queue + "}:"
	k := keys{
		tag:     tag,
		state:   tag + "state",
		delayed: tag + "delayed",
		failed:  tag + "failed",
		ids:     tag + "ids",
		rate:    tag + "rate",
		workers: tag + "workers",
		leases:  tag + "leases",
	}
	for n, p := range order {
		k.lanes[n] = tag + p.String()
	}
	return k
}

// of is the string for a key of uniqueness: the ID of the job that has it.
func (k keys) of(key string) string { return k.tag + "key:" + key }

// result is the string in which a job's result is kept.
func (k keys) result(id string) string { return k.tag + "result:" + id }

// with returns the keys of a transition: some, then the lanes.
func (k keys) with(some ...string) []string { return append(some, k.lanes[:]...) }
