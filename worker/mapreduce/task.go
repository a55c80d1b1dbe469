package mapreduce

import (
	"errors"
	"fmt"
	"strconv"

	"formation/worker/mapreduce/input"
	"formation/worker/queue"
)

// HandlerName is the handler of the queue's jobs that are shards of runs.
const HandlerName = "mapreduce"

// task is a job's payload: a shard of a stage of a run.
type task struct {
	Run   string       `json:"run"`
	Epoch int64        `json:"epoch,omitempty"` // see transitions/create.lua
	Stage int          `json:"stage"`
	Shard int          `json:"shard"`
	Of    *input.Shard `json:"of,omitempty"` // of split: what is to be read

	attempt int // this one, from 1
}

func (t *task) check() error {
	switch {
	case checkRun(t.Run) != nil:
		return fmt.Errorf("run: %w", checkRun(t.Run))
	case t.Stage < 0 || t.Stage >= stages:
		return fmt.Errorf("stage: %d is none", t.Stage)
	case t.Shard < 0 || t.Shard >= input.MaxShards:
		return fmt.Errorf("shard: %d is none", t.Shard)
	case t.Stage == split && t.Of == nil:
		return errors.New("of: there is nothing to read")
	}
	return nil
}

// maxAttempts is how often a shard is tried: with the delays between, for some minutes.
const maxAttempts = 8

// job is a shard as a job of the queue. Its ID is the shard's, so that a shard is in the
// queue once.
func (t *task) job() (queue.New, error) {
	payload, err := marshal(t)
	return queue.New{
		ID:          t.id(),
		Handler:     HandlerName,
		Payload:     payload,
		MaxAttempts: maxAttempts,
	}, err
}

func (t *task) id() string {
	return "mapreduce/" + t.Run + "/" + strconv.FormatInt(t.Epoch, 10) + "/" + strconv.Itoa(t.Stage) + "/" + strconv.Itoa(t.Shard)
}

// checkRun checks the name of a run.
func checkRun(name string) error {
	ok := len(name) > 0 && len(name) <= 40
	for _, c := range []byte(name) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-')
	}
	if !ok {
		return fmt.Errorf("%.45q is not the name of a run", name)
	}
	return nil
}
