package aggregate

import (
	"slices"
	"testing"

	"formation/worker/mapreduce/line"
)

func TestOrderOfKeys(t *testing.T) {
	want := []line.Value{
		{}, num("-1e99999"), num("-2"), num("0"), num("1"), num("1.0"), num("10e-1"), num("2"), num("10"), num("1e308"), num("1e350"),
		str("-1"), str("1"), str("1.0"), str("2"), str("10"), str(""), str(" 1"), str("10.0.0.1"), str("a"), str("b"), str("\xff"),
		other("[1]"), other("null"), other("true"),
	}
	// A number that is too much for us is behind all others.
	want = append(append([]line.Value{want[0]}, want[2:11]...), append([]line.Value{want[1]}, want[11:]...)...)
	got := slices.Clone(want)
	random := newRandom(t)
	random.Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
	slices.SortFunc(got, compareFields)
	if show(got...) != show(want...) {
		t.Errorf("%s\nwant %s", show(got...), show(want...))
	}
}

// TestCompareIsATotalOrder looks at three rows at a time.
func TestCompareIsATotalOrder(t *testing.T) {
	random := newRandom(t)
	row := func() Row {
		var r Row
		for range random.IntN(3) {
			r.Key = append(r.Key, anyValue(random))
		}
		for range random.IntN(3) {
			r.Values = append(r.Values, anyValue(random))
		}
		return r
	}
	for range 100_000 {
		a, b, c := row(), row(), row()
		for _, top := range []bool{false, true} {
			ab, bc, ac := Compare(a, b, top), Compare(b, c, top), Compare(a, c, top)
			if Compare(a, a, top) != 0 || Compare(b, a, top) != -ab || ab <= 0 && bc <= 0 && (ac > 0 || ac == 0 && ab+bc < 0) {
				t.Fatalf("with top %v: a to b %d, b to a %d, b to c %d, a to c %d\n%s", top, ab, Compare(b, a, top), bc, ac, showRows([]Row{a, b, c}))
			}
			if !top && ab == 0 && !slices.EqualFunc(a.Key, b.Key, same) {
				t.Fatalf("these have the same place\n%s", showRows([]Row{a, b}))
			}
		}
	}
}
