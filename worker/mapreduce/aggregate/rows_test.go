package aggregate

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"formation/worker/mapreduce/line"
)

func TestRows(t *testing.T) {
	table := NewTable([]Func{Sum, Count, Distinct}, large)
	for _, l := range []struct {
		key   line.Value
		value line.Value
	}{
		{str("a"), num("1")}, {str("a"), num("2")}, {num("200"), num("30")}, {str("200"), num("30.0")}, {line.Value{}, str("x")}, {str("b"), line.Value{}}, {other("true"), num("-1")}, {num("200"), str("30")},
	} {
		if err := table.Add(AppendKey(nil, l.key), l.value); err != nil {
			t.Fatal(err)
		}
	}
	all := "-: null 1 1\n200: 60 2 2\n\"200\": 30 1 1\n\"a\": 3 2 2\n\"b\": null 1 0\ntrue: -1 1 1\n"
	if got := showRows(table.Rows(0)); got != all {
		t.Errorf("%s\nwant\n%s", got, all)
	}
	top := "200: 60 2 2\n\"200\": 30 1 1\n\"a\": 3 2 2\ntrue: -1 1 1\n-: null 1 1\n\"b\": null 1 0\n"
	for n, want := range map[int]string{100: top, 6: top, 5: top[:len(top)-len("\"b\": null 1 0\n")], 1: "200: 60 2 2\n"} {
		if got := showRows(table.Rows(n)); got != want {
			t.Errorf("the top %d: %s\nwant\n%s", n, got, want)
		}
	}
	if got := table.NoNumber(); got != 2 {
		t.Errorf("%d lines without a number", got)
	}
}

func TestRowsAreInTheOrderOfCompare(t *testing.T) {
	random := newRandom(t)
	for range 200 {
		table := tableOf(t, []Func{funcs[random.IntN(len(funcs))], P90}, anyLines(random, random.IntN(300)))
		for _, top := range []int{0, 1, 2, 1 + random.IntN(30), 1000} {
			rows := table.Rows(top)
			all := table.Rows(0)
			byTop := func(a, b Row) int { return Compare(a, b, top > 0) }
			slices.SortFunc(all, byTop)
			if top > 0 {
				all = all[:min(top, len(all))]
			}
			if showRows(rows) != showRows(all) || !slices.IsSortedFunc(rows, byTop) {
				t.Fatalf("the top %d:\n%s\nwant\n%s", top, showRows(rows), showRows(all))
			}
		}
	}
}

func TestRowsAreReadBack(t *testing.T) {
	random := newRandom(t)
	table := tableOf(t, funcs[:], anyLines(random, 300))
	rows := table.Rows(0)
	var encoded []byte
	for _, r := range rows {
		encoded = AppendRow(encoded, r)
	}
	var got []Row
	if err := DecodeRows(encoded, func(r Row) error {
		got = append(got, r)
		return nil
	}); err != nil || showRows(got) != showRows(rows) {
		t.Errorf("%v\n%s\nwant\n%s", err, showRows(got), showRows(rows))
	}
	if err := DecodeRows(nil, nil); err != nil {
		t.Errorf("of no rows: %v", err)
	}
	enough := errors.New("enough")
	if err := DecodeRows(encoded, func(Row) error { return enough }); err != enough {
		t.Errorf("the error of the caller is %v", err)
	}
}

func TestRowsThatCannotBeRead(t *testing.T) {
	one := AppendRow(nil, Row{[]line.Value{str("a"), {}}, []line.Value{num("1"), other("null")}})
	for n := 1; n < len(one); n++ {
		if err := DecodeRows(one[:n], func(Row) error { return nil }); err == nil {
			t.Errorf("%q is read", one[:n])
		}
	}
	for _, r := range []Row{
		{nil, []line.Value{str("1")}}, {nil, []line.Value{{}}}, {nil, []line.Value{other("true")}}, {[]line.Value{num("x")}, nil}, {[]line.Value{other("x")}, nil},
	} {
		if err := DecodeRows(AppendRow(nil, r), func(Row) error { return nil }); err == nil {
			t.Errorf("%s is read", showRows([]Row{r}))
		}
	}
}

func FuzzDecodeRows(f *testing.F) {
	f.Add([]byte{})
	f.Add(AppendRow(AppendRow(nil, Row{[]line.Value{str("a"), {}, num("-1e9"), other(`{"a":[]}`)}, []line.Value{num("1"), other("null")}}), Row{}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		var last Row
		if err := DecodeRows(b, func(r Row) error {
			again = AppendRow(again, r)
			Compare(last, r, true)
			last = r
			return nil
		}); err == nil && !bytes.Equal(again, b) {
			t.Fatalf("%q is read, but written as %q", b, again)
		}
	})
}
