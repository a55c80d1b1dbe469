package aggregate

import (
	"bytes"
	"slices"
	"testing"

	"formation/worker/mapreduce/line"
)

func TestKeysAreToldApartAndReadBack(t *testing.T) {
	values := slices.Concat(awkward, []line.Value{str("null"), str("true"), str("\x00"), str("\x01\x01a"), num("1e5")})
	seen := map[string]line.Value{}
	for _, a := range values {
		for _, b := range append(values, line.Value{Kind: 77}) { // 77: one field only
			var key []byte
			want := []line.Value{a}
			key = AppendKey(key, a)
			if b.Kind != 77 {
				want = append(want, b)
				key = AppendKey(key, b)
			}
			if _, ok := seen[string(key)]; ok && b.Kind == 77 {
				t.Fatalf("%q is the key of two", key)
			}
			seen[string(key)] = a
			d := decoder{rest: key}
			if got := d.fields(); d.end() != nil || show(got...) != show(want...) || !slices.EqualFunc(got, want, same) {
				t.Fatalf("%q is read as %s (%v), want %s", key, show(got...), d.err, show(want...))
			}
		}
	}
	if got := AppendKey([]byte("a"), line.Value{}); !bytes.Equal(got, []byte("a\x00")) {
		t.Errorf("a missing field is %q", got)
	}
}

func same(a, b line.Value) bool { return a.Kind == b.Kind && bytes.Equal(a.Text, b.Text) }

func TestWhatIsNoKey(t *testing.T) {
	for _, key := range []string{"\x01", "\x04\x01a", "\x01\x02a", "\x01\x81\x00a", "\x02\x01a", "\x02\x0201", "\x02\x00", "\x02\x04null", "\x03\x011", "\x03\x01x", "\x03\x00",
		"\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01a", "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\x02\x021 "} {
		d := decoder{rest: []byte(key)}
		if got := d.fields(); d.err == nil {
			t.Errorf("%q is read as %s", key, show(got...))
		}
	}
}
