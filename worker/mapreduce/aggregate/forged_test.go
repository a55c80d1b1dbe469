package aggregate

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/axiomhq/hyperloglog"
)

// forged merges one group, of so many lines and as many numbers, whose rest somebody made up.
func forged(f Func, lines int, rest []byte) error {
	b := binary.LittleEndian.AppendUint16([]byte{version}, set([]Func{f}))
	b = append(b, 1, 0, byte(lines)) // groups, the key's length, lines
	if f.numeric() {
		b = append(b, byte(lines))
	}
	return NewTable([]Func{f}, large).Merge(append(b, rest...))
}

func TestForgedDecimals(t *testing.T) {
	for what, c := range map[string]struct {
		bytes string
		good  bool
	}{
		"1":                    {"\x00\x02\x01", true},
		"-1":                   {"\x00\x03\x01", true},
		"0":                    {"\x00\x00", true},
		"0.1":                  {"\x02\x02\x01", true},
		"1e325":                {"\x89\x05\x02\x01", false},
		"9e324":                {"\x87\x05\x02\x09", true},
		"10":                   {"\x00\x02\x0a", false},
		"0.0":                  {"\x02\x00", false},
		"-0":                   {"\x00\x01", false},
		"a zero before it":     {"\x00\x04\x00\x01", false},
		"a scale too long":     {"\x80\x00\x02\x01", false},
		"a scale too large":    {"\xa2\x06\x02\x01", false},
		"fewer bytes than say": {"\x00\x04\x01", false},
	} {
		if err := forged(Sum, 1, []byte(c.bytes)); (err == nil) != c.good {
			t.Errorf("%s: %v", what, err)
		}
	}
	long := append(binary.AppendUvarint([]byte{0}, 2*300), make([]byte, 300)...)
	long[3] = 1
	if err := forged(Sum, 1, long); err == nil {
		t.Error("a coefficient of 300 bytes")
	}
}

func TestForgedQuantiles(t *testing.T) {
	numbers := []float64{-3, -2, 0, 2, 3}
	for what, change := range map[string]func(*quantiles){
		"":                         func(*quantiles) {},
		"the least is less":        func(q *quantiles) { q.min = -4 },
		"the least is more":        func(q *quantiles) { q.min = -2 },
		"the greatest is more":     func(q *quantiles) { q.max = 4 },
		"the greatest is infinite": func(q *quantiles) { q.max = math.Inf(1) },
		"the greatest is none":     func(q *quantiles) { q.max = math.NaN() },
		"the least is none":        func(q *quantiles) { q.min = math.NaN() },
		"they are exchanged":       func(q *quantiles) { q.min, q.max = q.max, q.min },
		"one more":                 func(q *quantiles) { q.zeros++ },
		"one less":                 func(q *quantiles) { q.zeros-- },
		"no bins below":            func(q *quantiles) { q.below = bins{}; q.zeros += 2 },
		"no bins above":            func(q *quantiles) { q.above = bins{}; q.zeros += 2 },
		"only zeros, of which one is -0": func(q *quantiles) {
			q.above, q.below, q.zeros, q.min, q.max = bins{}, bins{}, 5, math.Copysign(0, -1), 0
		},
	} {
		q := newQuantiles()
		for _, v := range numbers {
			q.add(v)
		}
		change(q)
		if err := forged(P90, len(numbers), q.append(nil)); (err == nil) != (what == "") {
			t.Errorf("%s: %v", what, err)
		}
	}

	above := func(list ...uint64) []byte { // what is above 0 of a group from 1 to 2
		b := binary.LittleEndian.AppendUint64(nil, math.Float64bits(1))
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(2))
		b = append(b, 0, 0)
		for _, v := range list {
			b = binary.AppendUvarint(b, v)
		}
		return b
	}
	_, first := place(1)
	_, last := place(2)
	start, step := uint64(first-firstBin()+1), uint64(last-first)
	for what, c := range map[string]struct {
		list []uint64
		good bool
	}{
		"good":                 {[]uint64{2, start, 1, step, 1}, true},
		"a bin of no numbers":  {[]uint64{3, start, 1, 1, 0, step - 1, 1}, false},
		"a bin twice":          {[]uint64{3, start, 1, 0, 1, step, 0}, false},
		"too many in a bin":    {[]uint64{2, start, 1, step, 2}, false},
		"too few":              {[]uint64{1, start, 1}, false},
		"a bin too far":        {[]uint64{2, start, 1, 1 << 20, 1}, false},
		"fewer bins than said": {[]uint64{3, start, 1, step, 1}, false},
	} {
		if err := forged(P50, 2, above(c.list...)); (err == nil) != c.good {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestForgedSketchesOfDistinct(t *testing.T) {
	sketch := func(precision uint8, list bool, values int) []byte {
		s, err := hyperloglog.NewSketch(precision, list)
		if err != nil {
			t.Fatal(err)
		}
		for n := range values {
			s.InsertHash(uint64(n) * 0x9e3779b97f4a7c15)
		}
		s.Estimate()
		b, err := s.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	inOrder := sketch(precision, true, 3)
	unordered := hyperloglog.New14()
	unordered.InsertHash(1)
	raw, _ := unordered.MarshalBinary()
	first := slices.Clone(inOrder)
	first[0] = 1
	for what, c := range map[string]struct {
		bytes []byte
		good  bool
	}{
		"a list":            {inOrder, true},
		"registers":         {sketch(precision, true, 20_000), true},
		"few registers":     {sketch(precision, false, 3), true}, // nobody can tell
		"an empty list":     {sketch(precision, true, 0), false},
		"not in order":      {raw, false},
		"another precision": {sketch(12, true, 3), false},
		"another version":   {first, false},
		"cut off":           {inOrder[:len(inOrder)-1], false},
		"only a head":       {inOrder[:8], false},
		"less":              {inOrder[:3], false},
		"more":              {append(slices.Clone(inOrder), 0), false},
	} {
		if err := forged(Distinct, 1, append(binary.AppendUvarint(nil, uint64(len(c.bytes))), c.bytes...)); (err == nil) != c.good {
			t.Errorf("%s: %v", what, err)
		}
	}
}
