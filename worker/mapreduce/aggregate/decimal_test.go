package aggregate

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"formation/worker/mapreduce/line"
)

// rat is the number of a text that is one.
func rat(text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		panic(text)
	}
	return r
}

func TestWhatIsANumber(t *testing.T) {
	want := map[string]string{
		"0": "0", "-0": "0", "0.0": "0", "0e999999999999": "0", "1": "1", "1.0": "1", "10e-1": "1", "-1": "-1", "0.1": "0.1", "0.2": "0.2", "0.3": "0.3", "-7e-3": "-0.007", "200": "200",
		"1e308": "1" + strings.Repeat("0", 308), "-1e308": "-1" + strings.Repeat("0", 308), "1.7976931348623157e308": "17976931348623157" + strings.Repeat("0", 292),
		"1e-308": "0." + strings.Repeat("0", 307) + "1", "-1e-308": "-0." + strings.Repeat("0", 307) + "1", "1e-400": "0." + strings.Repeat("0", 399) + "1",
		"1.0e-400": "0." + strings.Repeat("0", 399) + "1", "5e-324": "0." + strings.Repeat("0", 323) + "5", "2.2250738585072014e-308": "0." + strings.Repeat("0", 307) + "22250738585072014",
		"1." + strings.Repeat("0", 900):                                 "1",
		"123456789012345678901234567890.123456789012345678901234567890": "123456789012345678901234567890.12345678901234567890123456789",
	}
	none := map[string]bool{
		"": true, "a": true, "-": true, " 1": true, "1 ": true, "+1": true, "01": true, "1.": true, ".5": true, "0x10": true, "NaN": true, "Infinity": true, "1e": true, "\xff\x00": true, "10.0.0.1": true,
		strings.Repeat("x", 5000): true, "null": true, "true": true, "false": true, `{"a":1}`: true, "[1]": true,
		"1e309": true, "-1e400": true, "1e99999999999": true, "1e-401": true, "1" + strings.Repeat("0", 309): true, "1." + strings.Repeat("0", 1000): true, "0." + strings.Repeat("1", 401): true,
	}
	for _, v := range awkward {
		text := string(v.Text)
		d, ok := number(v)
		if none[text] {
			if ok {
				t.Errorf("%q is %s", text, d.append(nil))
			}
			continue
		}
		plain := want[text]
		if plain == "" {
			plain = text
		}
		if got := string(d.append(nil)); !ok || got != plain {
			t.Errorf("%q is %s (%v), want %s", text, got, ok, plain)
		}
	}
	if _, ok := number(line.Value{Kind: line.Other, Text: []byte("1")}); ok {
		t.Error("only a Number and a String can be numbers")
	}
}

// FuzzNumber compares with JSON and with math/big.
func FuzzNumber(f *testing.F) {
	for _, v := range awkward {
		f.Add(string(v.Text))
	}
	f.Fuzz(checkNumber)
}

func checkNumber(t *testing.T, text string) {
	d, ok := number(str(text))
	valid := json.Valid([]byte(text)) && text != "" && strings.Trim(text, "+-.0123456789eE") == ""
	if ok && !valid {
		t.Fatalf("%q is no number of JSON", text)
	}
	float, err := strconv.ParseFloat(text, 64)
	if !valid || len(text) > maxText {
		return
	}
	short := err == nil && len(text) <= 50 && math.Abs(float) > 1e-300
	if ok && math.IsInf(float, 0) || !ok && short {
		t.Fatalf("%q is a number: %v", text, ok)
	}
	if !ok {
		return
	}
	if got := d.float(); got != float {
		t.Fatalf("%q is %v as a float64, want %v", text, got, float)
	}
	if d.isZero() { // whose exponent may be too much for math/big
		if float != 0 || string(d.append(nil)) != "0" {
			t.Fatalf("%q is zero", text)
		}
		return
	}
	plain := d.append(nil)
	if rat(string(plain)).Cmp(rat(text)) != 0 || !json.Valid(plain) || strings.ContainsAny(string(plain), "eE") {
		t.Fatalf("%q is %s", text, plain)
	}
	again, ok := parse(plain)
	if !ok || again.compare(d) != 0 {
		t.Fatalf("%q is %s, which is not read as the same", text, plain)
	}
	reader := decoder{rest: d.encode(nil)}
	if decoded := reader.decimal(); reader.end() != nil || decoded.compare(d) != 0 {
		t.Fatalf("%q is not the same when it was encoded", text)
	}
}

func TestArithmeticIsExact(t *testing.T) {
	random := newRandom(t)
	for range 2000 {
		sum, want := decimal{}, new(big.Rat)
		n := int64(0)
		var last decimal
		for range random.IntN(60) {
			v := anyValue(random)
			d, ok := number(v)
			if !ok || d.isZero() {
				continue
			}
			n++
			exact := rat(string(v.Text))
			if sum.compare(d) != want.Cmp(exact) || d.compare(sum) != exact.Cmp(want) {
				t.Fatalf("%s and %s are not compared as they should", sum.append(nil), v.Text)
			}
			sum.add(d)
			want.Add(want, exact)
			last = d
		}
		if n == 0 {
			continue
		}
		text := string(sum.append(nil))
		if rat(text).Cmp(want) != 0 {
			t.Fatalf("the sum is %s, want %s", text, want)
		}
		mean, _ := new(big.Rat).Quo(want, big.NewRat(n, 1)).Float64()
		if got := sum.over(n); got != mean {
			t.Fatalf("the mean is %v, want %v", got, mean)
		}
		if exact, _ := want.Float64(); sum.float() != exact {
			t.Fatalf("the sum is %v as a float64, want %v", sum.float(), exact)
		}
		negative, _ := parse([]byte("-1"))
		if c := sum.compare(negative); c != want.Cmp(rat("-1")) {
			t.Fatalf("%s is compared with -1 as %d", text, c)
		}
		sum.add(last)
	}
}

func TestSumsOfSmallNumbersTakeNoMemory(t *testing.T) {
	for _, texts := range [][]string{{"0.1", "0.25", "-7"}, {"1700000000123456789", "9223372036854775807"}, {"0.0012345678901234567", "0.012345678901234567", "0.25"}} {
		table := NewTable([]Func{Sum, Min, Max, Mean}, large)
		n := 0
		if allocated := testing.AllocsPerRun(10000, func() {
			table.Add(nil, num(texts[n%len(texts)]))
			n++
		}); allocated > 1 { // num does
			t.Errorf("%q: a line takes %v allocations", texts, allocated)
		}
	}
}

func TestMeanAndSumArePrintedAsPeopleWriteThem(t *testing.T) {
	for _, c := range []struct{ values, want string }{
		{"0.1 0.2", "0.3 0.15"},
		{"1 2", "3 1.5"},
		{"1 1 2", "4 1.3333333333333333"},
		{"9223372036854775807 1", "9223372036854775808 4611686018427388000"},
		{"1e308 1e308", "2" + strings.Repeat("0", 308) + " 1e+308"},
		{"1e22 -1e22 0.5", "0.5 0.16666666666666666"},
		{"-1e-400", "-0." + strings.Repeat("0", 399) + "1 0"},
		{"-5 5", "0 0"},
		{"x", "null null"},
	} {
		table := NewTable([]Func{Sum, Mean}, large)
		for _, v := range strings.Fields(c.values) {
			table.Add(nil, str(v))
		}
		if got := show(table.Rows(0)[0].Values...); got != c.want {
			t.Errorf("%s: %s, want %s", c.values, got, c.want)
		}
	}
}

func TestBeyondInt64(t *testing.T) {
	// The ends of an int64, added and compared with each other in all ways.
	var edges []string
	for _, n := range []string{"0", "1", "9223372036854775806", "9223372036854775807", "9223372036854775808", "922337203685477580", "99999999999999999999"} {
		for _, e := range []string{"", "e-1", "e1", "e-19", "e20", "e200", "e-200"} {
			edges = append(edges, n+e, "-"+n+e)
		}
	}
	for _, a := range edges {
		for _, b := range edges {
			x, _ := number(num(a))
			y, _ := number(num(b))
			if x.compare(y) != rat(a).Cmp(rat(b)) {
				t.Errorf("%s and %s are compared as %d", a, b, x.compare(y))
			}
			sum := decimal{}
			sum.add(x)
			sum.add(y)
			sum.add(y)
			want := new(big.Rat).Add(rat(a), new(big.Rat).Add(rat(b), rat(b)))
			if rat(string(sum.append(nil))).Cmp(want) != 0 {
				t.Errorf("%s + 2 * %s is %s", a, b, sum.append(nil))
			}
			if fmt.Sprint(sum.over(3)) != fmt.Sprint(float64Of(new(big.Rat).Quo(want, big.NewRat(3, 1)))) {
				t.Errorf("(%s + 2 * %s) / 3 is %v", a, b, sum.over(3))
			}
		}
	}
}

func float64Of(r *big.Rat) float64 {
	f, _ := r.Float64()
	return f
}
