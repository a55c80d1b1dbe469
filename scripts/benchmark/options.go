package main

import (
	"flag"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// options are those of all benchmarks.
type options struct {
	dir          string // for files
	rounds       int
	seconds      int    // of a measurement; 0: it takes what it takes
	cases, peers string // as they are given
	json         bool
	checkOnly    bool   // before anything is built or installed for it
	ours, oursIs string // our program, and what it is
}

// parseOptions reads a benchmark's options. More adds what only that one has.
func parseOptions(name string, args []string, o options, more func(*flag.FlagSet)) (options, error) {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.dir, "dir", "", "")
	flags.IntVar(&o.rounds, "rounds", o.rounds, "")
	flags.StringVar(&o.cases, "case", "", "")
	flags.StringVar(&o.peers, "peer", "", "")
	flags.BoolVar(&o.json, "json", false, "")
	flags.BoolVar(&o.checkOnly, "check", false, "")
	flags.StringVar(&o.ours, "ours", "", "")
	flags.StringVar(&o.oursIs, "ours-is", "", "")
	timed := o.seconds > 0
	if timed {
		flags.IntVar(&o.seconds, "seconds", o.seconds, "")
	}
	if more != nil {
		more(flags)
	}
	if flags.Parse(args) != nil || flags.NArg() > 0 || o.rounds < 1 || timed && o.seconds < 1 {
		return o, fmt.Errorf("%wcannot understand %q", errUsage, args)
	}
	return o, nil
}

// chooseCases finds those that names stand for: separated by commas, with * for any part.
func chooseCases[K interface{ title() string }](names string, all []K) ([]K, error) {
	if names == "" {
		return all, nil
	}
	var chosen []K
	for name := range strings.SplitSeq(names, ",") {
		before := len(chosen)
		for _, k := range all {
			if match, err := path.Match(name, k.title()); err == nil && match {
				chosen = append(chosen, k)
			}
		}
		if len(chosen) == before {
			return nil, fmt.Errorf("%wthere is no case %q", errUsage, name)
		}
	}
	return chosen, nil
}

// choosePeers returns which of all are meant by names, which are separated by commas.
func choosePeers(names string, all []string) ([]int, error) {
	var chosen []int
	for i, name := range all {
		if names == "" || slices.Contains(strings.Split(names, ","), name) {
			chosen = append(chosen, i)
		}
	}
	if names != "" && len(chosen) != len(strings.Split(names, ",")) {
		last := len(all) - 1
		return nil, fmt.Errorf("%w%q is not a list of %s and %s", errUsage, names, strings.Join(all[:last], ", "), all[last])
	}
	return chosen, nil
}
