package input

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// accessLog is a text like our proxy's access log: lines of 330 bytes.
func accessLog(size int) string {
	rng := rand.New(rand.NewPCG(1, 1))
	var b strings.Builder
	for b.Len() < size {
		line := fmt.Sprintf(`{"time":"2026-11-22T07:%02d:%02d.%06dZ","client":"10.0.%d.%d:%d","method":"GET","host":"www.example.com","path":"/items/%d","status":%d,"bytes":%d,"seconds":%.6f,"tries":1,"instance":"worker-%08x","id":"%016x"`,
			rng.IntN(60), rng.IntN(60), rng.IntN(1e6), rng.IntN(256), rng.IntN(256), rng.IntN(1<<16), rng.IntN(1000), 200+rng.IntN(300), rng.IntN(1e6), rng.Float64(), rng.Uint32(), rng.Uint64())
		fmt.Fprintf(&b, "%s%*s}\n", line, 328-len(line), "")
	}
	return b.String()
}

func benchmarkLines(b *testing.B, content string, size int64) {
	dir := b.TempDir()
	write(b, dir, "a.log", content)
	r, err := Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	files, _, err := r.Find([]string{"a.log"})
	if err != nil {
		b.Fatal(err)
	}
	shards := Split(files, 32<<20)
	b.ReportAllocs()
	b.SetBytes(size)
	for b.Loop() {
		for _, s := range shards {
			if _, err := r.Lines(b.Context(), s, func(int64, []byte) error { return nil }); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkLines(b *testing.B) {
	text := accessLog(128 << 20)
	benchmarkLines(b, text, int64(len(text)))
}

// BenchmarkGzip's bytes are those of the text.
func BenchmarkGzip(b *testing.B) {
	text := accessLog(32 << 20)
	benchmarkLines(b, packed(text, 1), int64(len(text)))
}
