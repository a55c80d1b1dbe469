package verbs

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"

	"formation/worker/mapreduce"
)

// showAfter is after what time a terminal shows progress.
const showAfter = time.Second

// going tells how far a run is, when it takes long: on a terminal in its last line, which is
// written again and again, and elsewhere in a line now and then.
type going struct {
	run
	read int64     // bytes that were read when it was first looked
	from time.Time // the last look when there were no more: from here on the rate is told
	next time.Time // when there is something to be told
	told string
}

func newGoing(r run) *going {
	first := progressEvery
	if r.line != nil {
		first = showAfter
	}
	return &going{run: r, read: math.MaxInt64, next: time.Now().Add(first)}
}

// saw takes note of how far the run is.
func (g *going) saw(s mapreduce.Status) {
	if s.Read <= g.read { // less: it was begun again
		g.from, g.read = time.Now(), s.Read
	}
	if time.Now().Before(g.next) {
		return
	}
	part := portion(s)
	rest := fmt.Sprintf("%3.0f%%%s", 100*part, farther(s, s.Read-g.read, time.Since(g.from)))
	if s.Stage == 0 {
		rest = "waiting for a worker of queue " + s.Queue + " to find the files"
	}
	switch {
	case g.line != nil && s.Stage == 0:
		g.line.draw(s.StageName + ": " + rest)
	case g.line != nil:
		g.line.draw(fmt.Sprintf("%-12s [%s] %s", s.StageName, bar(part), rest))
	case g.told != s.StageName+rest:
		g.told, g.next = s.StageName+rest, time.Now().Add(progressEvery)
		g.note("run %s: %s: %s", s.Name, s.StageName, strings.TrimSpace(rest))
	}
}

// portion is how much of a stage is done: of its bytes, if it reads any.
func portion(s mapreduce.Status) float64 {
	switch {
	case s.State == mapreduce.Done:
		return 1
	case s.Read < s.Bytes:
		return float64(s.Read) / float64(s.Bytes)
	case s.Shards > 0:
		return float64(s.Recorded) / float64(s.Shards)
	}
	return 0
}

// farther is the rest of what is told: lines, the rate at which bytes were read within a
// time, what remains, and retries.
func farther(s mapreduce.Status, read int64, took time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, ", %s", count(s.Lines, "line", "lines"))
	if rate := float64(read) / took.Seconds(); read > 0 && took > 0 && s.Read < s.Bytes {
		left := time.Duration(float64(s.Bytes-s.Read) / rate * float64(time.Second))
		fmt.Fprintf(&b, ", %s/s, %v left", size(int64(rate)), left.Round(time.Second))
	}
	if s.Retries > 0 {
		fmt.Fprintf(&b, ", %s", count(s.Retries, "retry", "retries"))
	}
	return b.String()
}

// bar is a part of 1 for the eyes.
func bar(part float64) string {
	const wide = 24
	n := min(int(part*wide), wide)
	return strings.Repeat("#", n) + strings.Repeat("-", wide-n)
}

// size is bytes for people.
func size(bytes int64) string {
	n, unit := float64(bytes), "bytes"
	for _, next := range []string{"kB", "MB", "GB", "TB"} {
		if n < 1000 {
			break
		}
		n, unit = n/1000, next
	}
	switch {
	case unit == "bytes":
		return count(bytes, "byte", "bytes")
	case n < 10:
		return fmt.Sprintf("%.1f %s", n, unit)
	}
	return fmt.Sprintf("%.0f %s", n, unit)
}

// count is a number with its word.
func count(n int64, one, many string) string {
	if n == 1 {
		many = one
	}
	return fmt.Sprint(n, " ", many)
}

// onScreen reports whether out is a terminal whose lines can be written again.
func onScreen(out io.Writer) bool { return terminal(out) && os.Getenv("TERM") != "dumb" }

// lastLine is the last line of a terminal. What else is written to it takes its place.
type lastLine struct {
	to io.Writer

	mu    sync.Mutex
	drawn bool
}

// draw writes the line again. What there is no room for is left out: the terminal's wrapping
// is off meanwhile.
func (l *lastLine) draw(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.to, "\r\x1b[K\x1b[?7l%s\x1b[?7h", text)
	l.drawn = true
}

// Write implements io.Writer.
func (l *lastLine) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.erase()
	return l.to.Write(p)
}

// clear makes room for something else. It may be nil.
func (l *lastLine) clear() {
	if l != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.erase()
	}
}

func (l *lastLine) erase() {
	if l.drawn {
		fmt.Fprint(l.to, "\r\x1b[K")
		l.drawn = false
	}
}
