package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"
)

// errGone is what is not there (any more) at Nomad's: a job, an allocation, a log.
var errGone = errors.New("not found")

// log names what one task of one allocation writes to one of its outputs. What the
// name holds is comparable.
type log struct {
	alloc, node, task string
	output            string // "stdout" or "stderr"
}

// file is one of the numbered files Nomad keeps a log in; the oldest ones are
// deleted as it grows.
type file struct {
	number int
	size   int64
}

// taskState is where a task of a job's allocation is.
type taskState struct {
	started bool      // it wrote to its log, perhaps
	ended   bool      // it will not write any more
	created time.Time // its allocation was
	several bool      // its allocation has other tasks
}

// nomad asks Nomad through its API.
type nomad struct{ client *api.Client }

// checkJob returns errGone for a job that Nomad does not have.
func (n nomad) checkJob(ctx context.Context, job string) error {
	_, _, err := n.client.Jobs().Info(job, new(api.QueryOptions).WithContext(ctx))
	return nomadError(err)
}

// tasks waits until something changed since index (0: not at all) and returns the
// tasks of all allocations of the job, running or ended, and the next index.
func (n nomad) tasks(ctx context.Context, job string, index uint64) (map[log]taskState, uint64, error) {
	// Nomad adds up to a sixteenth to the time it waits.
	const wait = 5 * time.Minute
	ctx, cancel := context.WithTimeout(ctx, wait+wait/16+5*time.Second)
	defer cancel()
	q := &api.QueryOptions{WaitIndex: index, WaitTime: wait, AllowStale: true}
	allocs, meta, err := n.client.Jobs().Allocations(job, true, q.WithContext(ctx))
	if err != nil {
		return nil, 0, nomadError(err)
	}
	tasks := make(map[log]taskState)
	for _, a := range allocs {
		over := a.ClientStatus != api.AllocClientStatusPending && a.ClientStatus != api.AllocClientStatusRunning
		for name, state := range a.TaskStates {
			tasks[log{alloc: a.ID, node: a.NodeID, task: name}] = taskState{
				started: !state.StartedAt.IsZero(),
				ended:   over || state.State == "dead",
				created: time.Unix(0, a.CreateTime),
				several: len(a.TaskStates) > 1,
			}
		}
	}
	return tasks, meta.LastIndex, nil
}

// files lists the files of a log, oldest first.
func (n nomad) files(ctx context.Context, l log) ([]file, error) {
	q := new(api.QueryOptions).WithContext(ctx)
	infos, _, err := n.client.AllocFS().List(&api.Allocation{ID: l.alloc, NodeID: l.node}, "alloc/logs", q)
	if err != nil {
		return nil, nomadError(err)
	}
	var files []file
	for _, info := range infos {
		if number, ok := l.fileNumber(info.Name); ok {
			files = append(files, file{number, info.Size})
		}
	}
	slices.SortFunc(files, func(a, b file) int { return a.number - b.number })
	return files, nil
}

// fileNumber returns n of a file name TASK.OUTPUT.n, in whatever folder.
func (l log) fileNumber(name string) (int, bool) {
	suffix, ok := strings.CutPrefix(path.Base(name), l.task+"."+l.output+".")
	if !ok {
		return 0, false
	}
	number, err := strconv.Atoi(suffix)
	return number, err == nil && number >= 0
}

// read passes on what is in a log, from offset on, which counts from the beginning
// of the oldest file that there is. It returns nil at the log's end; with follow
// that never comes. truncated says that the file begins anew.
func (n nomad) read(ctx context.Context, l log, offset int64, follow bool, each func(file int, truncated bool, data []byte) error) error {
	ctx, cancel := context.WithCancel(ctx)
	q := new(api.QueryOptions).WithContext(ctx)
	frames, errs := n.client.AllocFS().Logs(&api.Allocation{ID: l.alloc, NodeID: l.node},
		follow, l.task, l.output, api.OriginStart, offset, ctx.Done(), q)
	if frames == nil {
		cancel()
		return nomadError(<-errs)
	}
	// The API's goroutine ends only when its frames are taken and its connection
	// closed: it closes frames or sends one error.
	ended := false
	defer func() {
		cancel()
		for !ended {
			select {
			case _, more := <-frames:
				ended = !more
			case <-errs: //nolint:errcheck // its coming is what counts
				ended = true
			}
		}
	}()
	for {
		select {
		case frame, more := <-frames:
			if !more {
				ended = true
				return ctx.Err()
			}
			if err := l.pass(frame, each); err != nil {
				return err
			}
		case err := <-errs:
			ended = true
			// What came before the error is still to be had.
			for {
				select {
				case frame := <-frames:
					if err := l.pass(frame, each); err != nil {
						return err
					}
					continue
				default:
				}
				break
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("the stream broke: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l log) pass(frame *api.StreamFrame, each func(int, bool, []byte) error) error {
	number, ok := l.fileNumber(frame.File)
	if !ok {
		if len(frame.Data) == 0 {
			return nil
		}
		return fmt.Errorf("unexpected file %q in the log stream", frame.File)
	}
	return each(number, frame.FileEvent == "truncated", frame.Data)
}

// nomadError makes Nomad's "404" an errGone and leaves other errors as they are.
func nomadError(err error) error {
	var response api.UnexpectedResponseError
	if errors.As(err, &response) && response.StatusCode() == http.StatusNotFound {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return err
}
