package line

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"
)

func TestDecimalsInOrder(t *testing.T) {
	// Those of one line are equal, and less than those of the next.
	order := [][]string{
		{"-1e99999999999999999999999"},
		{"-1e400", "-10E+399"},
		{"-9007199254740993"},
		{"-9007199254740992"},
		{"-10", "-10.0", "-1e1", "-100e-1"},
		{"-9.99"},
		{"-0.1", "-1e-1", "-0.10"},
		{"-1e-400"},
		{"0", "-0", "0.000", "0e5", "-0.0e-99999999999999999999"},
		{"1e-99999999999999999999999"},
		{"1e-400", "0.1e-399"},
		{"0.01", "1E-2", "0.010"},
		{"0.1", "0.100"},
		{"0.11"},
		{"1", "1.0", "0.1e1", "10e-1", "0.001e3"},
		{"1.5"},
		{"9"},
		{"10"},
		{"200", "2e2", "0.2e+3", "20000e-2"},
		{"200.0000000000000000000000000001"},
		{"9007199254740992"},
		{"9007199254740993", "9007199254740993.000"},
		{"1e400"},
		{"1e18446744073709551617", "1e99999999999999999999999"},
	}
	parse := func(text string) decimal {
		d, ok := parseDecimal([]byte(text))
		if !ok {
			t.Fatalf("%s is no number", text)
		}
		return d
	}
	for m, lesser := range order {
		for _, a := range lesser {
			for n, greater := range order[m:] {
				for _, b := range greater {
					want := min(n, 1)
					if got := parse(b).compare(parse(a)); got != want {
						t.Errorf("%s to %s: %d, want %d", b, a, got, want)
					}
					if got := parse(a).compare(parse(b)); got != -want {
						t.Errorf("%s to %s: %d, want %d", a, b, got, -want)
					}
				}
			}
		}
	}
}

// Numbers are those of encoding/json, and compare as those of math/big.
func FuzzDecimal(f *testing.F) {
	f.Add("1", "1.0")
	f.Add("-0.001e3", "12345678901234567890")
	f.Add("00", "1e")
	f.Add("0e-0", "-0")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, okX := parseDecimal([]byte(a))
		y, okY := parseDecimal([]byte(b))
		if okX != isNumber(a) || okY != isNumber(b) {
			t.Fatalf("%q is a number: %v, %q: %v", a, okX, b, okY)
		}
		if !okX || !okY {
			return
		}
		if x.compare(y) != -y.compare(x) || x.compare(x) != 0 || y.compare(y) != 0 {
			t.Fatalf("%s and %s have no order", a, b)
		}
		if bigX, bigY := rational(a), rational(b); bigX != nil && bigY != nil && x.compare(y) != bigX.Cmp(bigY) {
			t.Fatalf("%s to %s is %d", a, b, x.compare(y))
		}
	})
}

func isNumber(s string) bool {
	return json.Valid([]byte(s)) && strings.Trim(s, "-+.0123456789eE") == ""
}

// rational is a number; nil: it would take too long.
func rational(s string) *big.Rat {
	if i := strings.IndexAny(s, "eE"); i >= 0 && len(strings.TrimLeft(s[i+1:], "+-0")) > 3 {
		return nil
	}
	r, _ := new(big.Rat).SetString(s)
	return r
}
