package aggregate

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"formation/worker/mapreduce/line"
)

// BenchmarkAdd adds lines to 1000 groups.
func BenchmarkAdd(b *testing.B) {
	const lines = 1 << 16
	random := rand.New(rand.NewPCG(1, 2))
	var keys [][]byte
	kinds := map[string][]line.Value{}
	for range lines {
		keys = append(keys, AppendKey(nil, line.Value{Kind: line.String, Text: fmt.Appendf(nil, "/some/path/%d", random.IntN(1000))}))
		v := 0.02 + random.ExpFloat64()/100
		for kind, text := range map[string][]byte{
			"ms":    strconv.AppendFloat(nil, v, 'f', 3, 64),
			"float": strconv.AppendFloat(nil, v, 'g', -1, 64),
			"bytes": strconv.AppendInt(nil, int64(100_000*v), 10),
		} {
			kinds[kind] = append(kinds[kind], line.Value{Kind: line.Number, Text: text})
		}
	}
	for _, list := range [][]Func{{Count}, {Sum}, {Min}, {Mean}, {P99}, {P50, P90, P99}, {Distinct}, funcs[:]} {
		for kind, values := range kinds {
			b.Run(fmt.Sprintf("%v/%s", list, kind), func(b *testing.B) {
				table := NewTable(list, 1<<30)
				for n := range 8 * lines { // until sketches have what they need
					table.Add(keys[n%lines], values[n%lines])
				}
				b.ReportAllocs()
				n := 0
				for b.Loop() {
					if err := table.Add(keys[n], values[n]); err != nil {
						b.Fatal(err)
					}
					n = (n + 1) % lines
				}
			})
		}
	}
}

// BenchmarkMerge encodes, merges and makes rows of 1000 groups of 300 lines. Its figures
// are of one group.
func BenchmarkMerge(b *testing.B) {
	const groups = 1000
	random := rand.New(rand.NewPCG(1, 2))
	for _, list := range [][]Func{{Count}, {Sum}, {P99}, {Distinct}} {
		table, whole := NewTable(list, 1<<30), NewTable(list, 1<<30)
		for n := range 300 * groups {
			key := AppendKey(nil, line.Value{Kind: line.String, Text: fmt.Appendf(nil, "/some/path/%d", n%groups)})
			table.Add(key, line.Value{Kind: line.Number, Text: strconv.AppendFloat(nil, random.ExpFloat64()/100, 'f', 6, 64)})
		}
		encoded := table.Encode(1)[0]
		per := func(b *testing.B, do func()) {
			b.ReportAllocs()
			for b.Loop() {
				do()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/groups, "ns/group")
			b.ReportMetric(float64(len(encoded))/groups, "bytes/group")
		}
		b.Run(fmt.Sprintf("Encode/%v", list), func(b *testing.B) { per(b, func() { table.Encode(16) }) })
		b.Run(fmt.Sprintf("Merge/%v", list), func(b *testing.B) {
			per(b, func() {
				if err := whole.Merge(encoded); err != nil {
					b.Fatal(err)
				}
			})
		})
		b.Run(fmt.Sprintf("Rows/%v", list), func(b *testing.B) { per(b, func() { table.Rows(0) }) })
		b.Run(fmt.Sprintf("Top/%v", list), func(b *testing.B) { per(b, func() { table.Rows(10) }) })
	}
}
