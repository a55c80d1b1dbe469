package http1

import (
	"bytes"
	"strings"
	"testing"
)

func TestKindOf(t *testing.T) {
	for k, name := range kindNames {
		if name == nil {
			if k != int(Other) && k != int(Masked) {
				t.Errorf("kind %d has no name", k)
			}
			continue
		}
		for _, s := range []string{string(name), strings.ToUpper(string(name)), strings.ToUpper(string(name[:1])) + string(name[1:])} {
			if got := kindOf([]byte(s)); got != Kind(k) {
				t.Errorf("%q: %d", s, got)
			}
		}
		for i := range name { // any one byte else is another name
			for c := range 256 {
				other := bytes.Clone(name)
				other[i] = byte(c)
				if !is(tokenByte, byte(c)) || bytes.EqualFold(other, name) {
					continue
				}
				want := Other
				if c == '_' && name[i] == '-' {
					want = Masked
				}
				if got := kindOf(other); got != want {
					t.Errorf("%q: %d, want %d", other, got, want)
				}
			}
		}
		for _, s := range []string{string(name) + "s", string(name[1:]), string(name[:len(name)-1]), "x" + string(name), string(name) + strings.Repeat("x", 32)} {
			if got := kindOf([]byte(s)); s != "" && got != Other {
				t.Errorf("%q: %d", s, got)
			}
		}
	}
}
