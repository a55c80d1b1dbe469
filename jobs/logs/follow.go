package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// jobReader is what following a job needs of Nomad; see type nomad.
type jobReader interface {
	logReader
	tasks(ctx context.Context, job string, index uint64) (map[log]taskState, uint64, error)
}

// follower keeps one tail for each log of a job.
type follower struct {
	reader  jobReader
	merger  *merger
	outputs []string
	follow  bool
	since   time.Time
	note    func(format string, args ...any)

	tails map[log]*running
	wg    sync.WaitGroup
	mu    sync.Mutex
	err   error // the first a tail ended with
}

// running is a tail's handle.
type running struct {
	over  bool          // ended is closed
	ended chan struct{} // the task writes no more
}

// run follows the job's logs until the context ends; without f.follow, until what
// there is has been read. It returns when all its tails have.
func (f *follower) run(ctx context.Context, job string) error {
	defer f.merger.finish()
	defer f.wg.Wait()
	f.tails = make(map[log]*running)

	if !f.follow {
		tasks, _, err := f.reader.tasks(ctx, job, 0)
		if err != nil {
			return err
		}
		f.update(ctx, tasks)
		f.wg.Wait()
		return f.err
	}

	var pause backoff
	var index uint64
	for {
		tasks, next, err := f.reader.tasks(ctx, job, index)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			if pause.failed() == notable {
				f.note("Nomad does not answer, trying again: %v", err)
			}
			index = 0
			if pause.wait(ctx) != nil {
				return nil
			}
			continue
		}
		if pause.failures >= notable {
			f.note("Nomad answers again")
		}
		pause.reset()
		if err != nil {
			continue
		}
		f.update(ctx, tasks)
		// An index that went back is a Nomad that started anew: begin again. One
		// below 1 would not block.
		if next < index {
			next = 0
		}
		index = next
	}
}

// update starts a tail for each log that is new and tells those whose task ended,
// or is not listed any more, that they may end too.
func (f *follower) update(ctx context.Context, tasks map[log]taskState) {
	// In the order in which allocations were made, which decides between lines of
	// the same time.
	order := slices.SortedFunc(maps.Keys(tasks), func(a, b log) int {
		return cmp.Or(tasks[a].created.Compare(tasks[b].created), cmp.Compare(a.alloc, b.alloc), cmp.Compare(a.task, b.task))
	})
	for _, l := range order {
		for _, output := range f.outputs {
			l.output = output
			f.see(ctx, l, tasks[log{alloc: l.alloc, node: l.node, task: l.task}])
		}
	}
	for l, r := range f.tails {
		if _, listed := tasks[log{alloc: l.alloc, node: l.node, task: l.task}]; !listed {
			r.end()
			delete(f.tails, l)
		}
	}
}

func (f *follower) see(ctx context.Context, l log, state taskState) {
	r := f.tails[l]
	switch {
	case r == nil && state.started:
		r = &running{ended: make(chan struct{})}
		f.tails[l] = r
		t := &tail{
			log: l, reader: f.reader, source: f.merger.add(f.label(l, state)),
			follow: f.follow, ended: r.ended, note: f.note, since: f.since, last: state.created,
		}
		if state.ended {
			r.end()
		}
		f.wg.Go(func() { f.fail(l, t.run(ctx)) })
	case r != nil && state.ended:
		r.end()
	}
}

func (f *follower) fail(l log, err error) {
	if err == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = fmt.Errorf("reading the log of %s: %w", l.alloc, err)
	}
}

// label is the allocation's short ID, as Nomad prints it, and what tells apart the
// logs of one allocation.
func (f *follower) label(l log, state taskState) string {
	label := l.alloc[:min(8, len(l.alloc))]
	if state.several {
		label += " " + l.task
	}
	if l.output == "stderr" {
		label += " stderr"
	}
	return label
}

func (r *running) end() {
	if !r.over {
		r.over = true
		close(r.ended)
	}
}
