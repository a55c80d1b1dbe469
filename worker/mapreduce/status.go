package mapreduce

import (
	"context"
	"strconv"
	"time"
)

// State is how a run is.
type State string

// The states of a run.
const (
	Running   State = "running"
	Done      State = "done"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Status is how far a run is.
type Status struct {
	Name  string
	Spec  Spec
	State State
	Error string // why it failed, or who ended it
	Queue string // where its jobs are

	Created time.Time
	Ended   time.Time // zero: it has not

	Stage     int    // from 0
	StageName string // as people are told
	Stages    int
	Shards    int // of the stage
	Recorded  int // of these, done

	Files    int64
	Bytes    int64 // of all files; compressed ones as they are
	Read     int64 // of these
	Lines    int64 // that were read
	Chosen   int64 // of these, that met the conditions
	Bad      int64 // that were not of the format
	Long     int64 // that were too long
	NoNumber int64 // chosen lines without a number to compute with
	Problems int64 // inputs that could not be read
	Retries  int64 // shards that were begun once more
	Stored   int64 // bytes in Redis
	// Samples are the first problems and lines that were not of the format or too long.
	Samples []string

	epoch int64
}

// Status returns how far a run is; ErrNoRun, if there is none of that name.
func (r *Runs) Status(ctx context.Context, name string) (Status, error) {
	if err := checkRun(name); err != nil {
		return Status{}, err
	}
	k := keysOf(name)
	run, err := r.redis.HGetAll(ctx, k.run).Result()
	if err != nil {
		return Status{}, err
	}
	if len(run) == 0 {
		return Status{}, ErrNoRun
	}
	spec, err := parseSpec(run["spec"])
	if err != nil {
		return Status{}, err
	}
	number := func(field string) int64 {
		n, _ := strconv.ParseInt(run[field], 10, 64) // not there yet: 0
		return n
	}
	s := Status{
		Name: name, Spec: *spec, State: State(run["state"]), Error: run["error"], Queue: run["queue"],
		Created: time.UnixMilli(number("created")),
		Stage:   int(min(number("stage"), stages-1)), Stages: spec.last() + 1,
		Files: number("files"), Bytes: number("bytes"), Read: number("read"),
		Lines: number("lines"), Chosen: number("chosen"), Bad: number("bad"), Long: number("long"),
		NoNumber: number("no_number"), Problems: number("problems"), Retries: number("retries"),
		Stored: number("stored"), epoch: number("epoch"),
	}
	if at := number("ended"); at > 0 {
		s.Ended = time.UnixMilli(at)
	}
	s.StageName = stageNames[s.Stage]
	s.Shards = int(number("total" + strconv.Itoa(s.Stage)))
	recorded, err := r.redis.SCard(ctx, k.recorded(s.Stage)).Result()
	if err != nil {
		return Status{}, err
	}
	if s.Recorded = int(recorded); s.State == Done {
		s.Recorded = s.Shards // the set is gone
	}
	s.Samples, err = r.redis.LRange(ctx, k.samples, 0, -1).Result()
	return s, err
}
