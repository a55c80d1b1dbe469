package main

// mapreduceCase is a question of the log, and who answers it.
type mapreduceCase struct {
	name, about string
	question    *question
	peers       bool  // others than ours answer it, too
	workers     []int // how many of ours, each on a core of its own; the later are compared with the first
	shows       []string
	goals       []wish // of ours
}

func (k *mapreduceCase) title() string { return k.name }

// question is what is computed of the log, in as many ways.
type question struct {
	by   string   // the field whose groups are wanted
	agg  string   // what is wanted of each
	ours []string // `worker mapreduce` with these options
	awk  string   // a program for awk, on the log
	jq   string   // a command for sh, on the file $0: both print lines of a group and its figure

	truth func(*tally) groups
	// off is how far from the truth an answer may be, as a part of it: what its buckets
	// have, and the last digit that it prints.
	off float64
}

// The programs are the fastest that were found, of those that are right whatever a path
// holds. awk looks for the text of a field: to split lines into fields takes longer. In
// jq to count is slower than to sort what it prints. A bucket is 2 % wide, so that its
// middle is 1 % off at most, as ours is: 50.498 is 1/log(1.02), and with 400 added there
// is none below 0.
var (
	countByStatus = &question{
		by: "status", agg: "count", ours: []string{"--by=status", "--agg=count"},
		awk: `
			{ n[substr($0, index($0, "\"status\":") + 9, 3)]++ }
			END { for (status in n) print status, n[status] }`,
		jq:    `jq .status "$0" | sort | uniq -c | awk '{ print $2, $1 }'`,
		truth: (*tally).byStatus,
	}
	p99ByPath = &question{
		by: "path", agg: "p99", ours: []string{"--by=path", "--of=duration_ms", "--agg=p99"},
		awk: `
			{
				s = substr($0, index($0, "\"path\":\"") + 8)
				k[substr(s, 1, index(s, "\"")) int(log(substr(s, index(s, "\"duration_ms\":") + 14)) * 50.498 + 400)]++
			}` + p99OfBuckets,
		jq: `jq -r '"\(.path)\" \(.duration_ms | log * 50.498 + 400 | floor)"' "$0" | sort | uniq -c |
			awk '{ k[$2 $3] = $1 }` + p99OfBuckets + `'`,
		truth: (*tally).byPath, off: 0.0101,
	}
	p99ByClient = &question{
		by: "client", agg: "p99", ours: []string{"--by=client", "--of=duration_ms", "--agg=p99"},
		truth: (*tally).byClient, off: 0.0101,
	}
)

// p99OfBuckets is the end of a program for awk that has counted, in k, by path, quote and
// bucket. It looks from the top for the bucket below which no more are than the p99's rank.
const p99OfBuckets = `
	END {
		for (i in k) {
			split(i, part, "\"")
			n[part[1]] += k[i]
			if (part[2] + 0 > top[part[1]]) top[part[1]] = part[2] + 0
		}
		for (path in n) {
			bucket = top[path]
			below = n[path] - k[path "\"" bucket]
			while (below > 99 * (n[path] - 1) / 100) below -= k[path "\"" --bucket]
			print path, exp((bucket - 399) / 50.498) / 1.01
		}
	}`

var (
	inTime      = []string{"seconds", "cpu", "aside", "memory"}
	inSpeed     = []string{"rate", "cpu", "aside", "memory"}
	notSlower   = []wish{{column: "seconds", ratio: true, atMost: 1}, little}
	nearlyTwice = []wish{{column: "rate", ratio: true, atLeast: 1.7}, little}
	little      = wish{column: "memory", atMost: 128}
)

var mapreduceCases = []*mapreduceCase{
	{name: "status", about: "requests by status, each alone on one core", question: countByStatus, peers: true, workers: []int{1}, shows: inTime, goals: notSlower},
	{name: "p99", about: "p99 of the duration by path, each alone on one core", question: p99ByPath, peers: true, workers: []int{1}, shows: inTime, goals: notSlower},
	{name: "two-status", about: "requests by status, one worker and two, Redis and the client on the same cores", question: countByStatus, workers: []int{1, 2}, shows: inSpeed, goals: nearlyTwice},
	{name: "two-p99", about: "p99 of the duration by path, one worker and two, Redis and the client on the same cores", question: p99ByPath, workers: []int{1, 2}, shows: inSpeed, goals: nearlyTwice},
	{name: "clients", about: "p99 of the duration by client, of whom there are 10,000", question: p99ByClient, workers: []int{1}, shows: inTime, goals: []wish{little}},
}
