package aggregate

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"formation/worker/mapreduce/line"
)

// plain is what a group has, computed from all its values.
type plain struct {
	lines    int64
	numbers  []*big.Rat
	distinct map[string]bool
}

func plainly(lines []logged) map[string]*plain {
	groups := map[string]*plain{}
	for _, l := range lines {
		g := groups[string(l.key)]
		if g == nil {
			g = &plain{distinct: map[string]bool{}}
			groups[string(l.key)] = g
		}
		g.lines++
		if d, ok := number(l.value); ok {
			n := new(big.Rat)
			if !d.isZero() { // whose exponent may be too much for math/big
				n = rat(string(l.value.Text))
			}
			g.numbers = append(g.numbers, n)
		}
		if l.value.Kind != line.Missing {
			g.distinct[string(AppendKey(nil, l.value))] = true
		}
	}
	for _, g := range groups {
		slices.SortFunc(g.numbers, (*big.Rat).Cmp)
	}
	return groups
}

// check compares a row of all funcs with what was computed plainly.
func (g *plain) check(t *testing.T, row Row) {
	t.Helper()
	value := func(f Func) string { return string(row.Values[slices.Index(funcs[:], f)].Text) }
	if value(Count) != strconv.FormatInt(g.lines, 10) {
		t.Fatalf("count is %s, want %d", value(Count), g.lines)
	}
	if got, _ := strconv.Atoi(value(Distinct)); !near(got, len(g.distinct)) {
		t.Fatalf("distinct is %d, want %d", got, len(g.distinct))
	}
	if len(g.numbers) == 0 {
		for n, f := range funcs {
			if null := row.Values[n].Kind == line.Other && value(f) == "null"; null != f.numeric() {
				t.Fatalf("%s of no numbers is %s", f, value(f))
			}
		}
		return
	}
	sum := new(big.Rat)
	for _, n := range g.numbers {
		sum.Add(sum, n)
	}
	for f, want := range map[Func]*big.Rat{Sum: sum, Min: g.numbers[0], Max: g.numbers[len(g.numbers)-1]} {
		if rat(value(f)).Cmp(want) != 0 {
			t.Fatalf("%s is %s, want %s", f, value(f), want)
		}
	}
	mean := float64Of(new(big.Rat).Quo(sum, big.NewRat(int64(len(g.numbers)), 1)))
	if got, err := strconv.ParseFloat(value(Mean), 64); err != nil || got != mean {
		t.Fatalf("mean is %s, want %v", value(Mean), mean)
	}
	for f, p := range map[Func]int{P50: 50, P90: 90, P99: 99} {
		want := float64Of(g.numbers[(len(g.numbers)-1)*p/100])
		got, err := strconv.ParseFloat(value(f), 64)
		binned := math.Abs(want) > 2.3e-308 && math.Abs(want) < 1.2e308
		if err != nil || binned && math.Abs(got-want) > 0.01*math.Abs(want) {
			t.Fatalf("%s is %s, want %v", f, value(f), want)
		}
	}
}

// near says whether an estimate is within five standard errors, or one less because two
// values have the same hash.
func near(got, want int) bool {
	return got == want-1 || math.Abs(float64(got-want)) <= 5*0.0081*float64(want)
}

func TestWhatIsComputed(t *testing.T) {
	random := newRandom(t)
	for n := range 120 {
		lines := anyLines(random, random.IntN(500))
		if n%40 == 0 {
			lines = anyLines(random, 20_000)
		}
		want := plainly(lines)
		table := tableOf(t, funcs[:], lines)
		rows := table.Rows(0)
		if len(rows) != len(want) {
			t.Fatalf("%d groups, want %d", len(rows), len(want))
		}
		none := int64(0)
		for _, row := range rows {
			var key []byte
			for _, v := range row.Key {
				key = AppendKey(key, v)
			}
			g := want[string(key)]
			g.check(t, row)
			none += g.lines - int64(len(g.numbers))
		}
		if table.NoNumber() != none {
			t.Fatalf("%d lines without a number, want %d", table.NoNumber(), none)
		}
	}
}

// TestQuantiles has many numbers that are spread in several ways.
func TestQuantiles(t *testing.T) {
	random := newRandom(t)
	for name, draw := range map[string]func() float64{
		"exponential": random.ExpFloat64,
		"normal":      random.NormFloat64,
		"far apart":   func() float64 { return math.Exp(700 * random.NormFloat64() / 4) },
		"outliers":    func() float64 { return 1 + math.Floor(random.Float64()*1.02)*1e9 },
		"below 0":     func() float64 { return -random.ExpFloat64() - 1 },
		"mostly 0":    func() float64 { return max(0, random.Float64()-0.8) },
		"one":         func() float64 { return 0.123456789 },
		"two":         func() float64 { return float64(random.IntN(2)) },
		"whole":       func() float64 { return float64(random.IntN(5000)) },
	} {
		t.Run(name, func(t *testing.T) {
			var lines []logged
			for range 1 + random.IntN(20_000) {
				lines = append(lines, logged{nil, num(strconv.FormatFloat(min(draw(), math.MaxFloat64), 'g', -1, 64))})
			}
			plainly(lines)[""].check(t, tableOf(t, funcs[:], lines).Rows(0)[0])
		})
	}
}

func TestQuantilesAreRoundedButNotBeyondWhatThereWas(t *testing.T) {
	for _, c := range []struct{ values, want []string }{
		{[]string{"0.123456789"}, []string{"0.123456789", "0.123456789", "0.123456789"}},
		{[]string{"-1e-308"}, []string{"-1e-308", "-1e-308", "-1e-308"}},
		{[]string{"1.7976931348623157e308"}, []string{"1.7976931348623157e+308", "1.7976931348623157e+308", "1.7976931348623157e+308"}},
		{[]string{"-5", "0", "5"}, []string{"0", "0", "0"}},
		{[]string{"1000", "100", "1"}, []string{"100.2", "100.2", "100.2"}},
	} {
		table := NewTable([]Func{P50, P90, P99}, large)
		for _, v := range c.values {
			table.Add(nil, num(v))
		}
		for n, v := range table.Rows(0)[0].Values {
			if string(v.Text) != c.want[n] {
				t.Errorf("%s of %s is %s, want %s", table.funcs[n], c.values, v.Text, c.want[n])
			}
		}
	}
}

// TestDistinct is about how many values there are of many.
func TestDistinct(t *testing.T) {
	random := newRandom(t)
	for _, n := range []int{0, 1, 2, 3, 10, 100, 1000, 5000, 7000, 10_000, 50_000, 200_000} {
		table := NewTable([]Func{Distinct}, large)
		table.Add(nil, line.Value{})
		base := random.IntN(1 << 40)
		for i := range n {
			for range 1 + random.IntN(2) {
				table.Add(nil, str(strconv.Itoa(base+i)))
			}
		}
		got, _ := strconv.Atoi(string(table.Rows(0)[0].Values[0].Text))
		if !near(got, n) {
			t.Errorf("%d values are %d", n, got)
		}
	}
	table := NewTable([]Func{Distinct}, large)
	for _, v := range []line.Value{str("1"), num("1"), num("1.0"), other("null"), {}, str(""), str("1"), num("1")} {
		table.Add(nil, v)
	}
	if got := show(table.Rows(0)[0].Values...); got != "5" {
		t.Errorf("%s values are told apart, not 5", got)
	}
}

func TestAFullTable(t *testing.T) {
	for limit, want := range map[int]string{24 << 20: "24 MiB", 3 << 10: "3 KiB", 1000: "1000 bytes"} {
		table := NewTable([]Func{Count}, limit)
		var full *ErrFull
		n := 0
		for ; !errors.As(table.Add(fmt.Append(nil, "key", n), line.Value{}), &full); n++ {
		}
		if full.Limit != limit || full.Error() != "there are more groups than fit in "+want || n < limit/200 || n > limit/100 {
			t.Errorf("after %d groups: %v", n, full)
		}
		if err := table.Add([]byte("key0"), line.Value{}); err != nil {
			t.Errorf("a group that there is: %v", err)
		}
	}
	var full *ErrFull
	if err := NewTable([]Func{Count}, 10_000).Add(make([]byte, 10_000), line.Value{}); !errors.As(err, &full) {
		t.Errorf("a long key: %v", err)
	}
	many := NewTable([]Func{Count}, large)
	for n := range 1000 {
		many.Add(AppendKey(nil, num(strconv.Itoa(n))), line.Value{})
	}
	if err := NewTable([]Func{Count}, 50_000).Merge(many.Encode(1)[0]); !errors.As(err, &full) {
		t.Errorf("merging: %v", err)
	}
}

// TestOneGroupMayFillATable has sketches that grow.
func TestOneGroupMayFillATable(t *testing.T) {
	random := newRandom(t)
	var full *ErrFull
	for f, draw := range map[Func]func() string{
		P99:      func() string { return fmt.Sprintf("%de%d", 1+random.IntN(9), random.IntN(60)-30) },
		Distinct: func() string { return strconv.FormatUint(random.Uint64(), 10) },
	} {
		table := NewTable([]Func{f}, 15_000)
		n := 0
		for ; n < 1_000_000; n++ {
			if err := table.Add(nil, str(draw())); errors.As(err, &full) {
				break
			}
		}
		if n < 30 || n > 5000 {
			t.Errorf("%s: full after %d lines", f, n)
		}
		parts := NewTable([]Func{f}, 15_000)
		for n = 0; n < 1_000_000; n++ {
			part := NewTable([]Func{f}, large)
			part.Add(nil, str(draw()))
			if err := parts.Merge(part.Encode(1)[0]); errors.As(err, &full) {
				break
			}
		}
		if n < 30 || n > 5000 {
			t.Errorf("%s: full after %d parts", f, n)
		}
	}
}

// TestTheMemoryOfATableIsKnown compares what a table reckons with to what the heap says.
func TestTheMemoryOfATableIsKnown(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	latency := func() string { return strconv.FormatFloat(random.ExpFloat64()/10, 'f', 3, 64) }
	anything := func() string {
		return fmt.Sprintf("%d.%de%d", random.IntN(19)-9, random.IntN(10), random.IntN(600)-300)
	}
	powers := func() string { return fmt.Sprintf("1e%d", random.IntN(6)) }
	for _, c := range []struct {
		funcs         []Func
		groups, lines int // of each group
		draw          func() string
	}{
		{[]Func{Count}, 5000, 1, latency},
		{[]Func{Sum, Min, Max}, 2000, 3, latency},
		{[]Func{Sum, Min, Max}, 200, 50, anything},
		{[]Func{P99}, 2000, 1, latency},
		{[]Func{P99}, 500, 20, latency},
		{[]Func{P99}, 50, 300, latency},
		{[]Func{P99}, 10, 2000, latency},
		{[]Func{P99}, 1, 30_000, anything},
		{[]Func{P99}, 300, 30, powers},
		{[]Func{Distinct}, 2000, 1, latency},
		{[]Func{Distinct}, 300, 50, anything},
		{[]Func{Distinct}, 20, 1000, anything},
		{[]Func{Distinct}, 10, 2000, anything},
		{[]Func{Distinct}, 5, 10_000, anything},
		{funcs[:], 50, 300, latency},
	} {
		t.Run(fmt.Sprintf("%v %d x %d", c.funcs, c.groups, c.lines), func(t *testing.T) {
			part := func(n int) *Table {
				table := NewTable(c.funcs, large)
				for range n {
					for g := range c.groups {
						key := fmt.Appendf(nil, "/some/path/%d", g)
						if err := table.Add(AppendKey(nil, line.Value{Kind: line.String, Text: key}), str(c.draw())); err != nil {
							t.Fatal(err)
						}
					}
				}
				return table
			}
			before := inUse()
			table := part(c.lines)
			known(t, "added", inUse()-before, table)
			before = inUse() // the table is garbage
			table = NewTable(c.funcs, large)
			for range 3 {
				if err := table.Merge(part(c.lines).Encode(1)[0]); err != nil {
					t.Fatal(err)
				}
			}
			known(t, "merged", inUse()-before, table)
		})
	}
}

func known(t *testing.T, how string, inUse int, table *Table) {
	t.Helper()
	got := float64(inUse) / float64(table.size)
	t.Logf("%s: %.2f of %d bytes, %d a group", how, got, table.size, table.size/len(table.groups))
	if got < 0.3 || got > 1.2 {
		t.Errorf("%s: it takes %d bytes, and reckons with %d", how, inUse, table.size)
	}
}

// inUse is how much memory is not garbage.
func inUse() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what is in pools too
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
