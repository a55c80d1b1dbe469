package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// load is what wrk found, as its script's last line says it.
type load struct {
	Requests     int64
	Microseconds int64
	P50, P99     int64 // microseconds

	// What went wrong.
	Connect, Read, Write, Status, Timeout int64
}

// wrk puts load on a proxy for some seconds.
func (b *bench) wrk(ctx context.Context, script, url string, conns, seconds int) (load, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds+20)*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "taskset", "-c", b.cores.others, "wrk",
		"-t1", "-c", strconv.Itoa(conns), "-d", strconv.Itoa(seconds)+"s", "--timeout", "5s", "-s", script, url)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = 2 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return load{}, fmt.Errorf("wrk: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return parseLoad(out)
}

// parseLoad finds the script's line. A load with errors is none: the figures would be
// those of something else.
func parseLoad(out []byte) (load, error) {
	var l load
	_, line, found := bytes.Cut(out, []byte("\nbench "))
	if !found {
		return l, fmt.Errorf("wrk printed no result: %q", out)
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	if err := json.Unmarshal(line, &l); err != nil {
		return l, fmt.Errorf("wrk: %w: %q", err, line)
	}
	switch {
	case l.Connect+l.Read+l.Write+l.Status+l.Timeout > 0:
		return l, fmt.Errorf("of %d requests some failed: connect %d, read %d, write %d, status %d, timeout %d",
			l.Requests, l.Connect, l.Read, l.Write, l.Status, l.Timeout)
	case l.Requests == 0:
		return l, errors.New("no request was answered")
	}
	return l, nil
}

// sample is one measurement of one proxy.
type sample struct {
	Requests int64   `json:"requests,omitempty"`
	Seconds  float64 `json:"seconds,omitempty"`
	CPU      float64 `json:"cpu_microseconds,omitempty"` // a request
	Rate     float64 `json:"requests_per_second,omitempty"`
	P50      float64 `json:"p50_milliseconds,omitempty"`
	P99      float64 `json:"p99_milliseconds,omitempty"`
	Busy     float64 `json:"core_busy,omitempty"`   // part of its core's time
	Disturb  float64 `json:"core_others,omitempty"` // part of that which others took
	Memory   float64 `json:"memory_bytes"`          // in all, with this load or these connections

	// Of an idle connection: one that was never used, and one after a request.
	Unused   float64 `json:"bytes_unused,omitempty"`
	AfterUse float64 `json:"bytes_after_use,omitempty"`
}

// measure puts the case's load on a proxy and sees what that takes.
func (b *bench) measure(ctx context.Context, r *running, k *benchCase, script string) (sample, error) {
	busy, all, err := ticks(b.cores.one)
	if err != nil {
		return sample{}, err
	}
	before, err := r.cpu()
	if err != nil {
		return sample{}, err
	}
	l, err := b.wrk(ctx, script, r.url(k.request.Path), k.conns, b.seconds)
	if err != nil {
		return sample{}, err
	}
	// Until it has seen that its clients have gone: that is its work too.
	time.Sleep(50 * time.Millisecond)
	after, err := r.cpu()
	if err != nil {
		return sample{}, err
	}
	busy2, all2, err := ticks(b.cores.one)
	if err != nil {
		return sample{}, err
	}
	memory, err := r.memory()
	if err != nil {
		return sample{}, err
	}
	if k.log {
		if err := r.checkLog(l.Requests); err != nil {
			return sample{}, err
		}
	}
	took := time.Duration(l.Microseconds) * time.Microsecond
	requests := float64(l.Requests)
	inTicks := (after - before).Seconds() * 100 // their unit, whatever the kernel's own
	return sample{
		Requests: l.Requests,
		Seconds:  took.Seconds(),
		CPU:      float64((after - before).Nanoseconds()) / 1e3 / requests,
		Rate:     requests / took.Seconds(),
		P50:      float64(l.P50) / 1e3,
		P99:      float64(l.P99) / 1e3,
		Memory:   float64(memory),
		Busy:     (after - before).Seconds() / took.Seconds(),
		Disturb:  max(0, float64(busy2-busy)-inTicks) / float64(all2-all),
	}, nil
}

// checkLog sees that the requests were logged, but for what is still to be written, and
// empties the file: gigabytes would disturb. A log that drops lines under load is
// cheaper than one that does not.
func (r *running) checkLog(requests int64) error {
	data, err := os.ReadFile(r.log())
	if err != nil {
		return err
	}
	if lines := int64(bytes.Count(data, []byte("\n"))); lines < requests-requests/100-1000 {
		return fmt.Errorf("of %d requests %d were logged", requests, lines)
	}
	return os.Truncate(r.log(), 0)
}
