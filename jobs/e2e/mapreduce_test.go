//go:build servers

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"sync"
	"testing"
	"time"
)

// logSize is how large the log is that is read, in bytes, about.
const logSize = 2 << 30

// bigLog writes a log of the same lines again and again, and returns how often.
func bigLog(t *testing.T, name string) (times int) {
	t.Helper()
	var block []byte
	for n := range linesOfBlock {
		block = fmt.Appendf(block, `{"time":"2026-11-22T07:06:20.%09dZ","level":"INFO","msg":"exchange","client":"10.0.%d.%d","method":"GET","path":"/p%d","status":%d,"bytes_in":%d,"bytes_out":185,"duration_ms":%d.%d,"instance":"worker-%d","tries":1,"broken":false,"request_id":"%032d"}`+"\n",
			n, n%7, n%250, n%pathsOfBlock, statusOf(n), n, n%1000, n%10, n%4, n)
	}
	f, err := os.Create(all.input + "/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for times = 0; times*len(block) < logSize; times++ {
		if _, err := f.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	return times
}

const linesOfBlock, pathsOfBlock = 10_000, 50

func statusOf(line int) int { return []int{200, 200, 200, 200, 200, 200, 200, 404, 500, 503}[line%10] }

// row is what a run by status has.
type row struct {
	Status, Count int
	Sum, P99      float64
}

// wantRows is the result by status of a log with so many blocks.
func wantRows(times int) map[int]row {
	rows := map[int]row{}
	durations := map[int][]float64{}
	for n := range linesOfBlock {
		r := rows[statusOf(n)]
		ms := float64(n%1000) + float64(n%10)/10
		r.Status, r.Count, r.Sum = statusOf(n), r.Count+times, r.Sum+ms*float64(times)
		rows[r.Status] = r
		durations[r.Status] = append(durations[r.Status], ms)
	}
	for status, r := range rows {
		sorted := durations[status]
		slices.Sort(sorted)
		r.P99 = sorted[int(0.99*float64(r.Count-1))/times]
		rows[status] = r
	}
	return rows
}

// A log of 2 GiB is read again and again while the job is scaled and instances are killed:
// no result differs.
func TestMapReduceWhileItIsScaled(t *testing.T) {
	defer backgrounds(t, 1)
	times := bigLog(t, "big.log")
	defer os.Remove(all.input + "/big.log")
	want := wantRows(times)

	var stop sync.Once
	over, ended := make(chan struct{}), make(chan error, 1)
	enough := func() { stop.Do(func() { close(over) }) }
	defer enough()
	finished := make(chan int, 1000)
	go func() {
		for n := 1; ; n++ {
			if err := mapReduce(want); err != nil {
				ended <- err
				return
			}
			finished <- n
			select {
			case <-over:
				ended <- nil
				return
			default:
			}
		}
	}()
	runs := 0
	next := func() {
		t.Helper()
		select {
		case runs = <-finished:
		case err := <-ended:
			t.Fatal(err)
		}
	}
	next()
	from := time.Now()
	backgrounds(t, 4)
	next()
	if err := all.nomad.Allocations().Signal(all.alloc(t, "background"), nil, "background", "SIGKILL"); err != nil {
		t.Fatal(err)
	}
	next()
	backgrounds(t, 2)
	next()
	took := time.Since(from)
	enough()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	t.Logf("FIGURE map-reduce of %d lines (2 GiB) while background goes 1 → 4 → 2 and one is killed: %d runs and more in %.1f s, all results right", times*linesOfBlock, runs, took.Seconds())
	if failed := all.failed(t); len(failed) > 0 {
		t.Errorf("jobs have failed: %+v", failed)
	}
}

// mapReduce makes one run of the log, and compares its result.
func mapReduce(want map[int]row) error {
	out, err := all.worker("mapreduce", "--input", "*.log", "--by", "status", "--of", "duration_ms", "--agg", "count,sum,p99", "--json")
	if err != nil {
		return err
	}
	var rows []row
	d := json.NewDecoder(bytes.NewReader(out))
	d.DisallowUnknownFields()
	if err := d.Decode(&rows); err != nil {
		return fmt.Errorf("%s: %w", out, err)
	}
	for _, r := range rows {
		w := want[r.Status]
		if r.Count != w.Count || math.Abs(r.Sum-w.Sum) > 1e-6*w.Sum || math.Abs(r.P99-w.P99) > 0.011*w.P99 {
			return fmt.Errorf("status %d has %+v, want %+v", r.Status, r, w)
		}
	}
	if len(rows) != len(want) {
		return fmt.Errorf("%d rows, want %d: %s", len(rows), len(want), out)
	}
	return nil
}
