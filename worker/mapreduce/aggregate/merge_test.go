package aggregate

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// anyFuncs is some of what can be computed.
func anyFuncs(r *rand.Rand) []Func {
	list := slices.Clone(funcs[:])
	r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:1+r.IntN(len(list))]
}

// merged merges the parts that lines are cut into, one with another in any order until
// there is one. Each time what goes on is encoded, in some number of partitions.
func merged(t *testing.T, r *rand.Rand, funcs []Func, lines []logged, parts int) *Table {
	t.Helper()
	cut := make([][]logged, parts)
	for _, l := range lines {
		p := r.IntN(parts)
		cut[p] = append(cut[p], l)
	}
	var tables []*Table
	for _, part := range cut {
		r.Shuffle(len(part), func(i, j int) { part[i], part[j] = part[j], part[i] })
		tables = append(tables, tableOf(t, funcs, part))
	}
	for len(tables) > 1 {
		r.Shuffle(len(tables), func(i, j int) { tables[i], tables[j] = tables[j], tables[i] })
		n := 2 + r.IntN(min(4, len(tables)-1))
		into, others := tables[0], tables[1:n]
		if r.IntN(2) == 0 {
			into, others = NewTable(funcs, large), tables[:n]
		}
		for _, table := range others {
			if r.IntN(4) == 0 {
				table.Rows(r.IntN(3)) // looking changes nothing
			}
			for _, b := range table.Encode(1 + r.IntN(5)) {
				if err := into.Merge(b); err != nil {
					t.Fatal(err)
				}
			}
		}
		tables = append(tables[n:], into)
	}
	return tables[0]
}

// TestMergingIsAssociativeAndOrderFree: whatever the parts, their order and their
// grouping, it is as if one table had seen all lines.
func TestMergingIsAssociativeAndOrderFree(t *testing.T) {
	random := newRandom(t)
	for n := range 180 {
		lines := anyLines(random, random.IntN(500))
		if n%30 == 0 {
			lines = anyLines(random, 20_000) // until sketches change their form
		}
		funcs := anyFuncs(random)
		want := tableOf(t, funcs, lines)
		got := merged(t, random, funcs, lines, 1+random.IntN(12))
		equal(t, got, want)
		shown := showRows(want.Rows(0))
		for _, top := range []int{0, 1 + random.IntN(10)} {
			if a, b := showRows(got.Rows(top)), showRows(want.Rows(top)); a != b {
				t.Fatalf("merged, the top %d of %v are\n%s\nwant\n%s", top, funcs, a, b)
			}
		}
		if got.NoNumber() != want.NoNumber() {
			t.Fatalf("%d lines without a number, want %d", got.NoNumber(), want.NoNumber())
		}
		equal(t, got, want) // Rows changed nothing
		if now := showRows(want.Rows(0)); now != shown {
			t.Fatalf("the second time rows are\n%s\nand not\n%s", now, shown)
		}
	}
}

func equal(t *testing.T, got, want *Table) {
	t.Helper()
	for _, partitions := range []int{1, 7} {
		a, b := got.Encode(partitions), want.Encode(partitions)
		if !slices.EqualFunc(a, b, bytes.Equal) {
			t.Fatalf("%v of merged parts is encoded otherwise\n%s\nthan of all lines\n%s", want.funcs, showRows(got.Rows(0)), showRows(want.Rows(0)))
		}
	}
}

// TestSketchesOfDistinctAreEqualWhereTheirFormChanges has as many values as the library
// has about where it gives up keeping them by themselves.
func TestSketchesOfDistinctAreEqualWhereTheirFormChanges(t *testing.T) {
	random := newRandom(t)
	for range 20 {
		var lines []logged
		for range 6000 + random.IntN(2500) {
			lines = append(lines, logged{nil, num(string(rune('1'+random.IntN(9))) + string(decimal{small: int64(random.Uint64() >> 1)}.append(nil)))})
		}
		want := tableOf(t, []Func{Distinct}, lines)
		equal(t, merged(t, random, []Func{Distinct}, lines, 1+random.IntN(20)), want)
	}
}

func TestPartitionsHaveEveryGroupOnce(t *testing.T) {
	random := newRandom(t)
	table := tableOf(t, funcs[:], anyLines(random, 2000))
	whole := table.Encode(1)
	got := NewTable(funcs[:], large)
	groups := 0
	for _, b := range table.Encode(16) {
		part := NewTable(funcs[:], large)
		if err := part.Merge(b); err != nil {
			t.Fatal(err)
		}
		groups += len(part.groups)
		if err := got.Merge(b); err != nil {
			t.Fatal(err)
		}
	}
	if groups != len(table.groups) || !bytes.Equal(got.Encode(1)[0], whole[0]) {
		t.Errorf("%d groups in partitions, %d in the table", groups, len(table.groups))
	}
	for _, b := range NewTable(funcs[:], large).Encode(3) {
		if b != nil {
			t.Errorf("an empty partition is %q", b)
		}
	}
}

func TestWhatCannotBeMerged(t *testing.T) {
	random := newRandom(t)
	one := tableOf(t, funcs[:], anyLines(random, 200)).Encode(1)[0]
	check := func(what string, b []byte, want string) {
		t.Helper()
		if err := NewTable(funcs[:], large).Merge(b); err == nil || want != "" && err.Error() != "groups that cannot be read: "+want {
			t.Errorf("%s: %v", what, err)
		}
	}
	for n := 1; n < len(one); n++ {
		check("cut off", one[:n], "")
	}
	check("something behind it", append(slices.Clone(one), 0), errTrailing.Error())
	check("another version", append([]byte{2}, one[1:]...), errVersion.Error())
	for _, f := range funcs {
		check(string(f), tableOf(t, []Func{f}, anyLines(random, 10)).Encode(1)[0], errFuncs.Error())
	}
	// After the version and the funcs (count): groups, each a key, and lines.
	count := func(groups string) []byte { return []byte("\x01\x01\x00" + groups) }
	for what, c := range map[string]struct{ groups, want string }{
		"good":            {"\x02\x00\x01\x01\x00\x01", ""},
		"no groups":       {"\x00", errGroup.Error()},
		"no lines":        {"\x01\x00\x00", errGroup.Error()},
		"a key twice":     {"\x02\x00\x01\x00\x01", errOrder.Error()},
		"not in order":    {"\x02\x02\x00\x00\x01\x01\x00\x01", errOrder.Error()},
		"no key":          {"\x01\x01\x01\x01", errShort.Error()},
		"a kind":          {"\x01\x02\x05\x00\x01", errValue.Error()},
		"too many lines":  {"\x01\x00\x81\x80\x80\x80\x80\x80\x80\x10", errRange.Error()},
		"too long a way":  {"\x01\x00\x81\x00", errRange.Error()},
		"too many groups": {"\xff\xff\xff\xff\x0f", errRange.Error()},
	} {
		err := NewTable([]Func{Count}, large).Merge(count(c.groups))
		if c.want == "" && err != nil || c.want != "" && (err == nil || err.Error() != "groups that cannot be read: "+c.want) {
			t.Errorf("%s: %v, want %s", what, err, c.want)
		}
	}
	table := NewTable([]Func{Count}, large)
	most := count("\x01\x00\x80\x80\x80\x80\x80\x80\x80\x10")
	if err := table.Merge(most); err != nil {
		t.Error(err)
	}
	if err := table.Merge(most); err == nil {
		t.Error("there may be more lines than can be counted")
	}
}

// FuzzMerge merges what anybody may have written: it is refused, or it is what a table
// encodes.
func FuzzMerge(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, list := range [][]Func{funcs[:], {Count}, {Sum}, {Min, Max}, {P50}, {Distinct}} {
		for _, lines := range []int{1, 3, 50} {
			f.Add(tableOf(f, list, anyLines(random, lines)).Encode(1)[0], set(list))
		}
	}
	var many []logged
	for n := range 8000 {
		many = append(many, logged{nil, num(string(decimal{small: int64(n)}.append(nil)))})
	}
	f.Add(tableOf(f, []Func{Distinct}, many).Encode(1)[0], set([]Func{Distinct}))
	f.Fuzz(func(t *testing.T, b []byte, which uint16) {
		var list []Func
		for n, f := range funcs {
			if which>>n&1 == 1 {
				list = append(list, f)
			}
		}
		if len(b) == 0 || len(list) == 0 {
			return
		}
		table := NewTable(list, 1<<20)
		if err := table.Merge(b); err != nil {
			return
		}
		if again := table.Encode(1)[0]; !bytes.Equal(again, b) {
			t.Fatalf("%q is merged, but encoded as %q", b, again)
		}
		for _, top := range []int{0, 1} {
			var rows []byte
			for _, r := range table.Rows(top) {
				rows = AppendRow(rows, r)
			}
			if err := DecodeRows(rows, func(Row) error { return nil }); err != nil {
				t.Fatalf("%q has rows that cannot be read: %v", b, err)
			}
		}
		if table.NoNumber() < 0 {
			t.Fatal("there are more numbers than lines")
		}
		_ = table.Merge(b) // there may be too many lines, or no room
	})
}

// FuzzEncode makes a table of lines that bytes say, in two parts: what is encoded is
// merged into the same.
func FuzzEncode(f *testing.F) {
	f.Add([]byte("a=1 b=0.5 a=-1e308 =x b= a=1e-308"), uint16(511), uint8(3))
	f.Fuzz(func(t *testing.T, text []byte, which uint16, at uint8) {
		var list []Func
		for n, f := range funcs {
			if which>>n&1 == 1 {
				list = append(list, f)
			}
		}
		if len(list) == 0 {
			return
		}
		var lines []logged
		for _, word := range bytes.Split(text, []byte{' '}) {
			key, value, _ := bytes.Cut(word, []byte{'='})
			lines = append(lines, logged{AppendKey(nil, str(string(key))), str(string(value))})
		}
		want := tableOf(t, list, lines)
		got := NewTable(list, large)
		cut := int(at) % (len(lines) + 1)
		for _, part := range [][]logged{lines[cut:], lines[:cut]} {
			for _, b := range tableOf(t, list, part).Encode(2) {
				if err := got.Merge(b); err != nil {
					t.Fatal(err)
				}
			}
		}
		equal(t, got, want)
		if a, b := showRows(got.Rows(0)), showRows(want.Rows(0)); a != b {
			t.Fatalf("%s\nwant\n%s", a, b)
		}
	})
}
