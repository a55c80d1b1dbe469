package main

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"
)

// fakeNomad is one job's allocations and logs in memory. Logs are kept in files of
// at most fileSize bytes, of which the newest are kept, as Nomad does it.
type fakeNomad struct {
	fileSize, keep int

	mu      sync.Mutex
	index   uint64
	states  map[log]taskState
	logs    map[log][]fakeFile
	down    error         // what every call returns
	broken  chan struct{} // closed when running streams break
	changed chan struct{} // closed when anything above changed
	reads   int           // streams opened
}

type fakeFile struct {
	number int
	data   []byte
}

func newFakeNomad() *fakeNomad {
	return &fakeNomad{
		fileSize: 1 << 20, keep: 10, index: 1,
		states: make(map[log]taskState), logs: make(map[log][]fakeFile),
		broken: make(chan struct{}), changed: make(chan struct{}),
	}
}

func (f *fakeNomad) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
	close(f.changed)
	f.changed = make(chan struct{})
}

// set puts a task into a state; without one, it is not listed any more.
func (f *fakeNomad) set(l log, state *taskState) {
	f.change(func() {
		f.index++
		if state == nil {
			delete(f.states, l)
			delete(f.logs, l)
			return
		}
		if _, ok := f.logs[l]; !ok && state.started {
			f.logs[l] = []fakeFile{{}}
		}
		f.states[l] = *state
	})
}

func (f *fakeNomad) write(l log, text string) {
	f.change(func() {
		for _, b := range []byte(text) {
			files := f.logs[l]
			if last := files[len(files)-1]; len(last.data) == f.fileSize {
				files = append(files, fakeFile{number: last.number + 1})
				files = files[max(0, len(files)-f.keep):]
			}
			files[len(files)-1].data = append(files[len(files)-1].data, b)
			f.logs[l] = files
		}
	})
}

// goDown breaks what runs and lets every call fail, until err is nil.
func (f *fakeNomad) goDown(err error) {
	f.change(func() {
		f.down = err
		close(f.broken)
		f.broken = make(chan struct{})
	})
}

func (f *fakeNomad) tasks(ctx context.Context, _ string, index uint64) (map[log]taskState, uint64, error) {
	waited := time.After(5 * time.Minute)
	f.mu.Lock()
	broken := f.broken
	f.mu.Unlock()
	for {
		f.mu.Lock()
		states, now, down, changed := maps.Clone(f.states), f.index, f.down, f.changed
		f.mu.Unlock()
		if down != nil {
			return nil, 0, down
		}
		if index == 0 || now > index {
			return states, now, nil
		}
		select {
		case <-waited:
			return states, now, nil
		case <-broken:
			return nil, 0, errors.New("broken")
		case <-changed:
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
}

func (f *fakeNomad) files(_ context.Context, l log) ([]file, error) {
	l.output = ""
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down != nil {
		return nil, f.down
	}
	held, ok := f.logs[l]
	if !ok {
		return nil, errGone
	}
	var files []file
	for _, h := range held {
		files = append(files, file{h.number, int64(len(h.data))})
	}
	return files, nil
}

func (f *fakeNomad) read(ctx context.Context, l log, offset int64, follow bool, each func(int, bool, []byte) error) error {
	l.output = ""
	f.mu.Lock()
	f.reads++
	broken := f.broken
	f.mu.Unlock()
	// Where the next byte is: Nomad walks over the files that there are.
	number, at := -1, offset
	for {
		f.mu.Lock()
		down, changed := f.down, f.changed
		files, ok := f.logs[l]
		if number < 0 && ok {
			for _, h := range files {
				if number = h.number; at <= int64(len(h.data)) {
					break
				}
				at -= int64(len(h.data))
			}
		}
		var data []byte
		last := false
		for i, h := range files {
			if h.number < number {
				continue
			}
			if h.number > number {
				number, at = h.number, 0
			}
			data, last = append(data, h.data[at:]...), i == len(files)-1
			if len(data) > 0 || last {
				break
			}
		}
		f.mu.Unlock()
		if down != nil {
			return down
		}
		if !ok {
			return errGone
		}
		for len(data) > 0 { // in small pieces
			piece := data[:min(7, len(data))]
			data, at = data[len(piece):], at+int64(len(piece))
			if err := each(number, false, piece); err != nil {
				return err
			}
		}
		if !last {
			continue
		}
		if !follow {
			return nil
		}
		select {
		case <-changed:
		case <-broken:
			return errors.New("broken")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *fakeNomad) opened() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reads
}

func isRunning(created time.Time) *taskState { return &taskState{started: true, created: created} }
func hasEnded(created time.Time) *taskState {
	return &taskState{started: true, ended: true, created: created}
}
