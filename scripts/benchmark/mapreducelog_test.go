package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"formation/proxy/accesslog"
	"formation/proxy/record"
)

// madeLine is what a line says.
type madeLine struct {
	Time       time.Time   `json:"time"`
	Level      string      `json:"level"`
	Msg        string      `json:"msg"`
	Client     string      `json:"client"`
	Method     string      `json:"method"`
	Path       string      `json:"path"`
	Status     int         `json:"status"`
	BytesIn    int64       `json:"bytes_in"`
	BytesOut   int64       `json:"bytes_out"`
	DurationMS json.Number `json:"duration_ms"`
	UpstreamMS json.Number `json:"upstream_ms"`
	Instance   string      `json:"instance"`
	Tries      int         `json:"tries"`
	Broken     bool        `json:"broken"`
	RequestID  string      `json:"request_id"`
}

func parseMade(t *testing.T, text []byte) (l madeLine) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil || d.More() {
		t.Fatalf("%v in %s", err, text)
	}
	return l
}

// What a made line says, the proxy would write as the same bytes.
func TestMadeLinesAreTheProxys(t *testing.T) {
	log := newAccessLog()
	took := func(n json.Number) time.Duration {
		d, err := time.ParseDuration(n.String() + "ms")
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	var made, last []byte
	var proxys bytes.Buffer
	w := accesslog.New(&proxys)
	var before time.Time
	for range 1000 {
		last, _ = log.append(nil)
		made = append(made, last...)
		l := parseMade(t, last)
		if l.Time.Before(before) {
			t.Errorf("%v is before %v", l.Time, before)
		}
		before = l.Time
		accesslog.NewLog(w).Exchange(&record.Exchange{
			Client: l.Client, Method: []byte(l.Method), Target: []byte(l.Path), RequestID: []byte(l.RequestID),
			Status: l.Status, In: l.BytesIn, Out: l.BytesOut, Took: took(l.DurationMS), Upstream: took(l.UpstreamMS),
			Tries: l.Tries, Instance: l.Instance, Broken: l.Broken,
		})
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	timeless := func(log []byte) (all []string) { // the proxy's times are those of now
		for line := range strings.Lines(string(log)) {
			at := len(`{"time":"2026-11-22T07:06:20.123456Z"`)
			all = append(all, line[at:])
		}
		return all
	}
	want := timeless(proxys.Bytes())
	for n, line := range timeless(made) {
		if line != want[n] {
			t.Fatalf("%s is not\n%s", line, want[n])
		}
	}
}

func TestMadeLog(t *testing.T) {
	const lines = 100_000
	log := newAccessLog()
	made := newTally(log)
	var line []byte
	var e exchange
	var logs []float64 // of the durations of one path
	for range lines {
		line, e = log.append(line[:0])
		made.add(e, len(line))
		if e.path == 0 && e.status != 503 {
			logs = append(logs, math.Log(float64(e.took)))
		}
	}
	if mean := made.bytes / lines; mean < 330 || mean > 400 {
		t.Errorf("a line has %d bytes", mean)
	}
	if n := made.statuses[200]; n < 0.895*lines || n > 0.905*lines {
		t.Errorf("%d of 200", n)
	}
	if len(made.statuses) != 6 {
		t.Errorf("%v", made.statuses)
	}
	if n := len(made.byPath()); n != madePaths {
		t.Errorf("%d paths", n)
	}
	if n := len(made.byClient()); n < 0.95*madeClients {
		t.Errorf("%d clients", n)
	}
	if most, least := len(made.paths[0]), len(made.paths[madePaths-1]); most < lines/20 || least > most/50 {
		t.Errorf("the first path has %d, the last %d", most, least)
	}
	mean, square := 0.0, 0.0
	for _, x := range logs {
		mean += x / float64(len(logs))
	}
	for _, x := range logs {
		square += (x - mean) * (x - mean) / float64(len(logs))
	}
	if math.Abs(mean-log.paths[0].took) > 0.05 || math.Abs(math.Sqrt(square)-0.8) > 0.05 {
		t.Errorf("logarithms of durations: %v ± %v, wanted %v ± 0.8", mean, math.Sqrt(square), log.paths[0].took)
	}
}

// A log is always the same, a smaller one its beginning, and the tally true.
func TestWriteLog(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, size int64) ([]byte, *tally) {
		file := filepath.Join(dir, name)
		made, err := writeLog(t.Context(), file, size)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if int64(len(data)) != made.bytes || made.bytes < size || made.bytes > size+kib {
			t.Errorf("%s: %d bytes, counted as %d, wanted %d", name, len(data), made.bytes, size)
		}
		return data, made
	}
	all, made := write("all", mib)
	if again, _ := write("again", mib); !bytes.Equal(again, all) {
		t.Error("another log")
	}
	if part, _ := write("part", mib/16); !bytes.HasPrefix(all, part) {
		t.Error("the smaller one is not its beginning")
	}
	counted := newTally(made.log)
	numbers := make(map[string]int)
	for n, p := range made.log.paths {
		numbers[p.name] = n
	}
	for n, client := range made.log.clients {
		numbers[client] = n
	}
	for text := range bytes.Lines(all) {
		l := parseMade(t, text)
		ms, err := l.DurationMS.Float64()
		if err != nil {
			t.Fatal(err)
		}
		counted.add(exchange{status: l.Status, path: numbers[l.Path], client: numbers[l.Client], took: int64(math.Round(1000 * ms))}, len(text))
	}
	if counted.lines != made.lines {
		t.Errorf("%d lines, counted as %d", counted.lines, made.lines)
	}
	for _, truth := range []func(*tally) groups{(*tally).byStatus, (*tally).byPath, (*tally).byClient} {
		if err := truth(counted).check(truth(made), 0); err != nil {
			t.Error(err)
		}
	}
	interrupted, interrupt := context.WithCancel(t.Context())
	interrupt()
	if _, err := writeLog(interrupted, filepath.Join(dir, "never"), mib); err != context.Canceled {
		t.Errorf("interrupted: %v", err)
	}
}
