package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// benchCase is one thing that the proxies are compared in.
type benchCase struct {
	name    string
	about   string
	request request
	conns   int
	fleets  []int // how many instances, if not 4; the later are compared with the first
	log     bool  // access logs, to files
	idle    bool  // connections that wait, instead of load

	atMost float64 // what is wanted of ours: CPU to what it is compared with; or, of idle connections, bytes; 0: nothing
}

func (k *benchCase) title() string { return k.name }

var (
	small   = request{Path: "/small"}
	browser = request{Path: "/browser", Headers: browsers}
	closing = request{Path: "/small", Headers: [][2]string{{"Connection", "close"}}}
)

var cases = []*benchCase{
	{name: "small-4", about: "small request and response, 4 connections", request: small, conns: 4},
	{name: "small-64", about: "small request and response, 64 connections", request: small, conns: 64, atMost: 1},
	{name: "small-512", about: "small request and response, 512 connections", request: small, conns: 512, atMost: 1},
	{name: "browser-4", about: "a browser's head, 20 headers back, 4 connections", request: browser, conns: 4},
	{name: "browser-64", about: "a browser's head, 20 headers back, 64 connections", request: browser, conns: 64, atMost: 1},
	{name: "browser-512", about: "a browser's head, 20 headers back, 512 connections", request: browser, conns: 512, atMost: 1},
	{name: "log-small", about: "access log on in all, small, 64 connections", request: small, conns: 64, log: true, atMost: 1},
	{name: "log-browser", about: "access log on in all, a browser's head, 64 connections", request: browser, conns: 64, log: true, atMost: 1},
	{name: "down-64k", about: "a response of 64 KiB, 64 connections", request: request{Path: "/64k"}, conns: 64, atMost: 1.1},
	{name: "up-64k", about: "a request of 64 KiB, 64 connections", request: request{Path: "/up", Body: 64 * kib}, conns: 64, atMost: 1.1},
	{name: "down-10m", about: "a response of 10 MiB, 4 connections", request: request{Path: "/10m"}, conns: 4, atMost: 1.1},
	{name: "up-10m", about: "a request of 10 MiB, 4 connections", request: request{Path: "/up", Body: 10 * mib}, conns: 4, atMost: 1.1},
	{name: "close", about: "a new connection for each request, 64 at a time", request: closing, conns: 64},
	{name: "fleet", about: "1,000 instances and 4, small, 64 connections", request: small, conns: 64, fleets: []int{4, 1000}, atMost: 1.1},
	{name: "idle", about: "10,000 idle connections", request: small, conns: 10000, idle: true, atMost: 4 * kib},
}

// contender is a line in a case's table.
type contender struct {
	peer      int // in peers
	instances int
	fleets    bool // the case is about how many there are
	against   *contender
	samples   []sample
}

func (c *contender) label() string {
	if c.fleets {
		return fmt.Sprintf("%s %d", peers[c.peer].name, c.instances)
	}
	return peers[c.peer].name
}

// bench is one run.
type bench struct {
	options
	oursLogs bool
	cores    cores
	ports    []int // the upstream's
	peers    []int
	cases    []*benchCase
	progress io.Writer
}

func benchProxy(ctx context.Context, args []string) error {
	b := &bench{progress: os.Stderr}
	var err error
	if b.options, err = parseOptions("proxy", args, options{rounds: 8, seconds: 2}, nil); err != nil {
		return err
	}
	if b.cases, err = chooseCases(b.options.cases, cases); err != nil {
		return err
	}
	if b.peers, err = choosePeers(b.options.peers, proxyNames()); err != nil {
		return err
	}
	if b.cores, err = divide(); err != nil || b.checkOnly {
		return err
	}
	if slices.ContainsFunc(b.peers, func(i int) bool { return peers[i].name == ours }) {
		if b.oursLogs, err = canLog(b.ours); err != nil {
			return err
		}
	}
	stop, err := b.startUpstream()
	if err != nil {
		return err
	}
	defer stop()

	report := proxyReport(b)
	fmt.Fprintln(b.progress, report.heading(b.duration()))
	if !b.json {
		report.writeMachine(os.Stdout, proxyNames(), fmt.Sprintf("proxies on core %s, all else on %s", b.cores.one, b.cores.others))
	}
	return measure(report, b.json, b.cases, func(k *benchCase) (*caseReport, error) {
		contenders, notes, err := b.runCase(ctx, k)
		if err != nil {
			return nil, err
		}
		return resultOf(k, contenders, notes), nil
	})
}

// startUpstream runs it beside the load generator, in a process of its own.
func (b *bench) startUpstream() (stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(b.dir, "upstream.ports")
	out, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p, err := startProcess("upstream", b.cores.others, b.dir, out, self, "upstream")
	if err != nil {
		return nil, err
	}
	for range 100 {
		data, _ := os.ReadFile(file)
		if strings.HasSuffix(string(data), "\n") {
			for field := range strings.FieldsSeq(string(data)) {
				var port int
				if _, err := fmt.Sscan(field, &port); err != nil {
					p.stop()
					return nil, fmt.Errorf("the upstream prints %q", data)
				}
				b.ports = append(b.ports, port)
			}
			return p.stop, nil
		}
		select {
		case <-p.ended:
			return nil, fmt.Errorf("the upstream has ended: %s", p.complaint())
		case <-time.After(50 * time.Millisecond):
		}
	}
	p.stop()
	return nil, errors.New("the upstream does not start")
}

// contenders are the lines of a case, in the table's order, and what is to be said of
// those that are not there.
func (b *bench) contenders(k *benchCase) (all []*contender, notes []string) {
	fleets := k.fleets
	if fleets == nil {
		fleets = []int{upstreamPorts}
	}
	for _, peer := range b.peers {
		if k.log && peers[peer].name == ours && !b.oursLogs {
			notes = append(notes, "ours is left out: this proxy has no --access-log")
			continue
		}
		for _, instances := range fleets {
			all = append(all, &contender{peer: peer, instances: instances, fleets: k.fleets != nil})
		}
	}
	for _, c := range all {
		for _, other := range all {
			compared := peers[other.peer].name == baseline
			if c.fleets {
				compared = other.peer == c.peer && other.instances == fleets[0]
			}
			if compared && other != c {
				c.against = other
			}
		}
	}
	return all, notes
}

// runCase measures a case: all contenders are started, and take turns, in each round
// another first.
func (b *bench) runCase(ctx context.Context, k *benchCase) ([]*contender, []string, error) {
	all, notes := b.contenders(k)
	run := b.loadCase
	if k.idle {
		run = b.idleCase
	}
	return all, notes, run(ctx, k, all)
}

// turns has the contenders take turns, and keeps what measure returns.
func (b *bench) turns(k *benchCase, all []*contender, measure func(*contender) (sample, error)) error {
	return turns(b.rounds, all, func(c *contender) error {
		s, err := measure(c)
		c.samples = append(c.samples, s)
		return err
	}, func(round int) {
		fmt.Fprintf(b.progress, "%-12s round %d of %d:", k.name, round+1, b.rounds)
		for _, c := range all {
			s := c.samples[round]
			if k.idle {
				fmt.Fprintf(b.progress, "  %s %.1f KiB", c.label(), s.AfterUse/kib)
			} else {
				fmt.Fprintf(b.progress, "  %s %.2f µs", c.label(), s.CPU)
			}
			if c.against != nil {
				fmt.Fprintf(b.progress, " (%.2f)", measured(k)(s)/measured(k)(c.against.samples[round]))
			}
		}
		fmt.Fprintln(b.progress)
	})
}

// measured is what a case is about.
func measured(k *benchCase) func(sample) float64 {
	if k.idle {
		return func(s sample) float64 { return s.AfterUse }
	}
	return func(s sample) float64 { return s.CPU }
}

// loadCase: the proxies run side by side, and have the load one after the other.
func (b *bench) loadCase(ctx context.Context, k *benchCase, all []*contender) error {
	script, err := render(b.dir, k.name+".lua", wrkLua, struct {
		Request request
		Host    string
	}{k.request, host})
	if err != nil {
		return err
	}
	proxies := make(map[*contender]*running)
	defer func() {
		for _, r := range proxies {
			r.stop()
			os.RemoveAll(r.Dir)
		}
	}()
	for _, c := range all {
		r, err := b.start(ctx, c, k)
		if err != nil {
			return err
		}
		proxies[c] = r
	}
	for _, c := range all { // connections to instances, buffers, branch predictors
		r := proxies[c]
		if _, err := b.wrk(ctx, script, r.url(k.request.Path), k.conns, 1); err != nil {
			return fmt.Errorf("%s, warming up: %w", c.label(), err)
		}
		if err := os.Truncate(r.log(), 0); err != nil {
			return err
		}
	}
	return b.turns(k, all, func(c *contender) (sample, error) {
		return b.measure(ctx, proxies[c], k, script)
	})
}

// idleCase: a proxy of its own for each measurement, without a past.
func (b *bench) idleCase(ctx context.Context, k *benchCase, all []*contender) error {
	return b.turns(k, all, func(c *contender) (sample, error) {
		r, err := b.start(ctx, c, k)
		if err != nil {
			return sample{}, err
		}
		defer os.RemoveAll(r.Dir)
		defer r.stop()
		return b.idleConns(ctx, r, k)
	})
}

// duration is about how long the run takes.
func (b *bench) duration() time.Duration {
	var sum time.Duration
	for _, k := range b.cases {
		all, _ := b.contenders(k)
		each := time.Duration(b.seconds)*time.Second + 150*time.Millisecond
		once := 1500 * time.Millisecond
		if k.idle {
			each, once = 9*time.Second, 0
		}
		sum += time.Duration(len(all)) * (once + time.Duration(b.rounds)*each)
	}
	return sum
}

// versionOf is what a program says it is.
func versionOf(name string) string {
	for _, p := range peers {
		if p.name == name && p.version != nil {
			return version(p.version)
		}
	}
	if _, err := exec.LookPath(name); err == nil {
		return version([]string{name, "-v"})
	}
	return ""
}
