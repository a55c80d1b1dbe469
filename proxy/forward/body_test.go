package forward

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestABodyIsReadAgainFromItsFirstByte(t *testing.T) {
	whole := strings.Repeat("0123456789abcdef", maxHeld/16)
	cases := []struct {
		name  string
		body  string
		first int // how many bytes the first try reads
		again bool
	}{
		{"before anything was read", whole, 0, true},
		{"in its middle", whole, 1000, true},
		{"when all of the largest that is held was read", whole, maxHeld, true},
		{"not when it is longer than what is held", whole + "x", maxHeld + 1, false},
		{"but a longer one too, while little of it was read", whole + whole, 4096, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := &heldBody{src: strings.NewReader(c.body)}
			first := b.begin()
			if _, err := io.ReadFull(first, make([]byte, c.first)); err != nil {
				t.Fatal(err)
			}
			if got := b.replayable(); got != c.again {
				t.Fatalf("replayable is %v, want %v", got, c.again)
			}
			if !c.again {
				rest, err := io.ReadAll(first)
				if err != nil || c.first+len(rest) != len(c.body) {
					t.Errorf("the first try read %d bytes in all, %v; want %d", c.first+len(rest), err, len(c.body))
				}
				return
			}
			got, err := io.ReadAll(b.begin())
			if err != nil || string(got) != c.body {
				t.Errorf("the second try read %d bytes, %v; want the whole %d", len(got), err, len(c.body))
			}
			if n, err := first.Read(make([]byte, 1)); n != 0 || !errors.Is(err, errSuperseded) {
				t.Errorf("the first try still reads: %d, %v", n, err)
			}
		})
	}
}

func TestAClientsFaultEndsEveryTry(t *testing.T) {
	fault := errors.New("bad chunk")
	b := &heldBody{src: io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(fault))}
	if _, err := io.ReadAll(b.begin()); !errors.Is(err, fault) {
		t.Errorf("read ended with %v, want the fault", err)
	}
	if b.replayable() || !errors.Is(b.fault(), fault) {
		t.Errorf("replayable: %v, fault: %v", b.replayable(), b.fault())
	}
}

func TestABodyInSmallPiecesIsTheSameBody(t *testing.T) {
	want := bytes.Repeat([]byte("abc"), 10_000)
	b := &heldBody{src: iotest.OneByteReader(bytes.NewReader(want))}
	_, _ = io.CopyN(io.Discard, b.begin(), 777)
	if err := iotest.TestReader(b.begin(), want); err != nil {
		t.Error(err)
	}
}
