package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// tally is what is true of a log, counted while it is written.
type tally struct {
	log            *accessLog
	bytes, lines   int64
	statuses       map[int]int64
	paths, clients [][]uint32 // how long each one's exchanges took, in microseconds
}

func newTally(log *accessLog) *tally {
	return &tally{log: log, statuses: make(map[int]int64), paths: make([][]uint32, madePaths), clients: make([][]uint32, madeClients)}
}

func (t *tally) add(e exchange, bytes int) {
	t.bytes += int64(bytes)
	t.lines++
	t.statuses[e.status]++
	t.paths[e.path] = append(t.paths[e.path], uint32(e.took))
	t.clients[e.client] = append(t.clients[e.client], uint32(e.took))
}

// groups have a figure each.
type groups map[string]float64

func (t *tally) byStatus() groups {
	g := make(groups)
	for status, count := range t.statuses {
		g[strconv.Itoa(status)] = float64(count)
	}
	return g
}

func (t *tally) byPath() groups {
	return slowest(t.paths, func(n int) string { return t.log.paths[n].name })
}

func (t *tally) byClient() groups {
	return slowest(t.clients, func(n int) string { return t.log.clients[n] })
}

// slowest is the p99 of each, in milliseconds, as ours defines it: in their order, with
// 0 for the first, the one 99 % of the way to the last, rounded down.
func slowest(all [][]uint32, name func(int) string) groups {
	g := make(groups)
	for n, took := range all {
		if len(took) > 0 {
			slices.Sort(took)
			g[name(n)] = float64(took[99*(len(took)-1)/100]) / 1000
		}
	}
	return g
}

// check says what is wrong with an answer, whose figures may be off by a part.
func (g groups) check(truth groups, off float64) error {
	for _, name := range slices.Sorted(maps.Keys(truth)) {
		is, found := g[name]
		switch {
		case !found:
			return fmt.Errorf("a wrong result: %s is missing", name)
		case math.Abs(is-truth[name]) > off*truth[name]:
			return fmt.Errorf("a wrong result: of %s it is %v, not %v", name, is, truth[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(g)) {
		if _, found := truth[name]; !found {
			return fmt.Errorf("a wrong result: there is no %s", name)
		}
	}
	return nil
}

// parseLines reads lines of a group and its figure.
func parseLines(out []byte) (groups, error) {
	g := make(groups)
	for line := range strings.Lines(string(out)) {
		name, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		figure, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("no group and its figure: %.200q", line)
		}
		if err := g.put(name, figure); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// parseRows reads what `worker mapreduce --json` prints: the names of a group and its
// figure are by and agg.
func parseRows(out []byte, by, agg string) (groups, error) {
	var rows []map[string]json.RawMessage
	if err := json.Unmarshal(out, &rows); err != nil {
		return nil, fmt.Errorf("no JSON: %w: %.200q", err, out)
	}
	g := make(groups)
	for _, row := range rows {
		var name any
		var figure float64
		if json.Unmarshal(row[by], &name) != nil || json.Unmarshal(row[agg], &figure) != nil || len(row) != 2 {
			return nil, fmt.Errorf("no row of %s and %s: %s", by, agg, row)
		}
		if err := g.put(fmt.Sprint(name), figure); err != nil {
			return nil, err
		}
	}
	return g, nil
}

func (g groups) put(name string, figure float64) error {
	if _, found := g[name]; found {
		return fmt.Errorf("a wrong result: %s is there twice", name)
	}
	g[name] = figure
	return nil
}
