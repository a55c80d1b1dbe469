package aggregate

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"formation/worker/mapreduce/line"
)

// newRandom is a source of what a test has by chance; the seed is shown if the test fails.
func newRandom(t testing.TB) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func str(text string) line.Value   { return line.Value{Kind: line.String, Text: []byte(text)} }
func num(text string) line.Value   { return line.Value{Kind: line.Number, Text: []byte(text)} }
func other(text string) line.Value { return line.Value{Kind: line.Other, Text: []byte(text)} }

// show is a value to compare and to read.
func show(values ...line.Value) string {
	var out []string
	for _, v := range values {
		switch v.Kind {
		case line.Missing:
			out = append(out, "-")
		case line.String:
			out = append(out, strconv.Quote(string(v.Text)))
		default:
			out = append(out, string(v.Text))
		}
	}
	return strings.Join(out, " ")
}

func showRows(rows []Row) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%s: %s\n", show(r.Key...), show(r.Values...))
	}
	return b.String()
}

// awkward are values of every kind, with numbers that are hard to add.
var awkward = []line.Value{
	{}, str(""), str("a"), str("-"), str(" 1"), str("1 "), str("+1"), str("01"), str("1."), str(".5"), str("0x10"), str("NaN"), str("Infinity"), str("1e"), str("\xff\x00"),
	str("1"), str("1.0"), str("200"), str("-7e-3"), str("10.0.0.1"), str(strings.Repeat("x", 5000)),
	other("null"), other("true"), other("false"), other(`{"a":1}`), other("[1]"),
	num("0"), num("-0"), num("0.0"), num("0e999999999999"), num("1"), num("1.0"), num("10e-1"), num("-1"), num("0.1"), num("0.2"), num("0.3"), num("1e308"), num("-1e308"), num("1.7976931348623157e308"),
	num("1e309"), num("-1e400"), num("1e99999999999"), num("1e-308"), num("-1e-308"), num("1e-400"), num("1.0e-400"), num("1e-401"), num("5e-324"), num("2.2250738585072014e-308"),
	num("9007199254740993"), num("9223372036854775807"), num("-9223372036854775808"), num("9223372036854775808"), num("18446744073709551616"), num("99999999999999999999999999999999999999"),
	num("123456789012345678901234567890.123456789012345678901234567890"), num("-123456789012345678901234567890.1"), num("0.00000000000000000000000000000000000001"),
	num("1" + strings.Repeat("0", 308)), num("1" + strings.Repeat("0", 309)), num("1." + strings.Repeat("0", 900)), num("1." + strings.Repeat("0", 1000)), num("0." + strings.Repeat("1", 399)), num("0." + strings.Repeat("1", 401)),
}

// anyValue is one of the awkward ones, or one like those of a log.
func anyValue(r *rand.Rand) line.Value {
	switch r.IntN(8) {
	case 0:
		return awkward[r.IntN(len(awkward))]
	case 1:
		return num(strconv.FormatFloat(r.NormFloat64(), 'g', -1, 64))
	case 2:
		return num(strconv.FormatFloat(r.ExpFloat64(), 'f', 3, 64))
	case 3:
		return str(strconv.FormatFloat(r.ExpFloat64(), 'f', r.IntN(9), 64))
	case 4:
		return num(strconv.FormatInt(int64(r.Uint64())>>r.IntN(64), 10))
	case 5:
		return num(fmt.Sprintf("%d.%de%d", r.IntN(10), r.IntN(1000), r.IntN(40)-20))
	case 6:
		return str(fmt.Sprint("client", r.IntN(100)))
	default:
		return num(strconv.Itoa(r.IntN(10)))
	}
}

// logged is a line, as a table sees it.
type logged struct {
	key   []byte
	value line.Value
}

func anyLines(r *rand.Rand, n int) []logged {
	keys := 1 + r.IntN(30)
	fields := r.IntN(3)
	var list [][]byte
	for range keys {
		var key []byte
		for range fields {
			key = AppendKey(key, anyValue(r))
		}
		list = append(list, key)
	}
	lines := make([]logged, n)
	for n := range lines {
		lines[n] = logged{list[int(float64(keys)*r.Float64()*r.Float64())], anyValue(r)}
	}
	return lines
}

const large = 1 << 30

func tableOf(t testing.TB, funcs []Func, lines []logged) *Table {
	t.Helper()
	table := NewTable(funcs, large)
	for _, l := range lines {
		if err := table.Add(l.key, l.value); err != nil {
			t.Fatal(err)
		}
	}
	return table
}
