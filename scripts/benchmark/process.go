package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cores says who runs where: what is measured has one for itself.
type cores struct{ one, others string }

// divide takes the last of the processors that this process may use for what is measured.
func divide() (cores, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return cores{}, err
	}
	_, after, _ := strings.Cut(string(status), "Cpus_allowed_list:")
	list, _, _ := strings.Cut(after, "\n")
	cpus, err := parseCPUs(strings.TrimSpace(list))
	if err != nil {
		return cores{}, err
	}
	if len(cpus) < 2 {
		return cores{}, errors.New("this takes two cores: one for what is measured, one for all else")
	}
	return cores{one: cpus[len(cpus)-1], others: strings.Join(cpus[:len(cpus)-1], ",")}, nil
}

// parseCPUs reads a list as the kernel writes it: 0-2,5.
func parseCPUs(list string) ([]string, error) {
	var cpus []string
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, err := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err != nil || err2 != nil {
			return nil, fmt.Errorf("cannot read the list of processors %q", list)
		}
		for cpu := from; cpu <= to; cpu++ {
			cpus = append(cpus, strconv.Itoa(cpu))
		}
	}
	return cpus, nil
}

// process is a program with all that it starts.
type process struct {
	name   string
	cmd    *exec.Cmd
	errors string // the file with what it prints to stderr
	ended  chan struct{}
}

// environment has little: what is set for a proxy of the user's is not for this one.
func environment() []string {
	env := []string{"LC_ALL=C"} // for sorting, and for bytes that are not letters of any language
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "FORMATION_BENCH_DIR"} {
		env = append(env, name+"="+os.Getenv(name))
	}
	return env
}

// cost is what a program took that has ended.
type cost struct{ wall, cpu time.Duration }

// output runs a program on some cores to its end, or the context's, and returns what it
// prints and what it took, with all that it started.
func output(ctx context.Context, cpus string, argv ...string) ([]byte, cost, error) {
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", cpus}, argv...)...)
	cmd.Env = environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	began := time.Now()
	out, err := cmd.Output()
	wall := time.Since(began)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, cost{}, context.Cause(ctx)
	case err != nil:
		return nil, cost{}, fmt.Errorf("%w: %s", err, strings.TrimSpace(stderr.String()))
	}
	return out, cost{wall, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}, nil
}

// startProcess runs a program on some cores.
func startProcess(name, cpus, dir string, stdout *os.File, argv ...string) (*process, error) {
	p := &process{name: name, errors: filepath.Join(dir, name+".err"), ended: make(chan struct{})}
	stderr, err := os.Create(p.errors)
	if err != nil {
		return nil, err
	}
	defer stderr.Close()
	p.cmd = exec.Command("taskset", append([]string{"-c", cpus}, argv...)...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, stdout, stderr
	p.cmd.Env = environment()
	// A group of its own: it ends when it is told to, not by the terminal, and with all
	// that it started.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended: by stop, or see complaint
		close(p.ended)
	}()
	return p, nil
}

// stop ends it, politely for a moment: so that nginx sees to its worker. What takes
// longer than that drains, for which there is nothing here.
func (p *process) stop() { p.stopWithin(300 * time.Millisecond) }

// stopWithin ends it, politely for as long.
func (p *process) stopWithin(most time.Duration) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.ended:
	case <-time.After(most):
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.ended
	}
}

// complaint is the last line that it printed to stderr.
func (p *process) complaint() string { return lastLine(p.errors) }

func lastLine(file string) string {
	data, _ := os.ReadFile(file)
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return lines[len(lines)-1]
}

// members are the processes of its group: nginx has two.
func (p *process) members() ([]string, error) {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	var pids []string
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // ended meanwhile
		}
		// After the name in parentheses, which may hold anything: state, parent, group.
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if fields[2] == strconv.Itoa(p.cmd.Process.Pid) && fields[0] != "Z" {
			pids = append(pids, filepath.Base(filepath.Dir(file)))
		}
	}
	if len(pids) == 0 {
		return nil, fmt.Errorf("%s has ended: %s", p.name, p.complaint())
	}
	return pids, nil
}

// cpu is the time that its threads have run so far. From the scheduler: finer than the
// ticks of /proc/PID/stat, and it counts what the kernel does for the process as well.
func (p *process) cpu() (time.Duration, error) {
	pids, err := p.members()
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, pid := range pids {
		threads, _ := filepath.Glob("/proc/" + pid + "/task/*/schedstat")
		if len(threads) == 0 {
			return 0, fmt.Errorf("no /proc/%s/task/*/schedstat: the kernel needs CONFIG_SCHED_INFO", pid)
		}
		for _, thread := range threads {
			data, err := os.ReadFile(thread)
			if err != nil {
				return 0, err
			}
			ran, err := strconv.ParseInt(strings.Fields(string(data))[0], 10, 64)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", thread, err)
			}
			sum += time.Duration(ran)
		}
	}
	return sum, nil
}

// memory is what its processes have in memory: a page that several share counts once.
func (p *process) memory() (int64, error) { return p.sum("smaps_rollup", "Pss:") }

// anonymous is its memory without the pages of files: what it has allocated.
func (p *process) anonymous() (int64, error) { return p.sum("smaps_rollup", "Anonymous:") }

// peak is the most that it has had in memory so far.
func (p *process) peak() (int64, error) { return p.sum("status", "VmHWM:") }

// sum adds up what a file of /proc says of each of its processes, in kilobytes.
func (p *process) sum(file, field string) (int64, error) {
	pids, err := p.members()
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, pid := range pids {
		data, err := os.ReadFile("/proc/" + pid + "/" + file)
		if err != nil {
			return 0, err
		}
		scanner := bufio.NewScanner(bytes.NewReader(data))
		for scanner.Scan() {
			if fields := strings.Fields(scanner.Text()); fields[0] == field {
				kilobytes, err := strconv.ParseInt(fields[1], 10, 64)
				if err != nil {
					return 0, err
				}
				sum += kilobytes * kib
			}
		}
	}
	return sum, nil
}

// allTicks is ticks of all cores.
func (c cores) allTicks() (busy, all int64, err error) {
	for _, cpu := range append(strings.Split(c.others, ","), c.one) {
		b, a, err := ticks(cpu)
		if err != nil {
			return 0, 0, err
		}
		busy, all = busy+b, all+a
	}
	return busy, all, nil
}

// ticks is for how long a core has been busy, and been there, in ticks of the clock.
func ticks(cpu string) (busy, all int64, err error) {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, err
	}
	_, after, found := strings.Cut(string(data), "\ncpu"+cpu+" ")
	line, _, _ := strings.Cut(after, "\n")
	if !found {
		return 0, 0, fmt.Errorf("no processor %s in /proc/stat", cpu)
	}
	// user nice system idle iowait irq softirq steal, and guests that user has too.
	for i, field := range strings.Fields(line)[:8] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, 0, err
		}
		if all += n; i != 3 && i != 4 {
			busy += n
		}
	}
	return busy, all, nil
}
