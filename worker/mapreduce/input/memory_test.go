package input

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// allocated is how many bytes of memory are taken by do, all in all.
func allocated(do func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// A line of 100 MiB is in many shards. It is counted in one, and none holds it.
func TestALineOf100MiB(t *testing.T) {
	r, dir := newRoot(t, "plain", "a\n")
	plain, err := os.OpenFile(filepath.Join(dir, "plain"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if _, err := plain.WriteAt([]byte("\nb\n"), 100<<20); err != nil { // and a hole before it
		t.Fatal(err)
	}
	write(t, dir, "packed", packed("a\n", 1)+strings.Repeat(packed(strings.Repeat("x", 1<<20), 1), 100)+packed("\nb\n", 1))
	for _, name := range []string{"plain", "packed"} {
		var all []string
		long := int64(0)
		for _, s := range Split([]File{found(t, r, name)}, 16<<20) {
			var c Counts
			used := allocated(func() {
				c, err = r.Lines(t.Context(), s, func(_ int64, line []byte) error {
					all = append(all, string(line))
					return nil
				})
			})
			long += c.Long
			if err != nil || c.Long > 0 && c.FirstLong != 2 || c.Bytes > s.To-s.From+1+2*MaxLine {
				t.Errorf("%s, bytes %d to %d: %+v (%v)", name, s.From, s.To, c, err)
			}
			if c.Long == 0 && s.To < s.Size && c.Bytes != s.To-s.From+1 {
				t.Errorf("%s, bytes %d to %d: %d were read", name, s.From, s.To, c.Bytes)
			}
			if used > 4<<20 {
				t.Errorf("%s, bytes %d to %d: %d bytes of memory", name, s.From, s.To, used)
			}
		}
		if long != 1 || !slices.Equal(all, []string{"a", "b"}) {
			t.Errorf("%s: lines %q, %d long", name, all, long)
		}
	}
}

// Lines cost no memory, however many there are.
func TestALineIsNotAllocated(t *testing.T) {
	text := strings.Repeat("a line\n", 1_000_000)
	s := Split([]File{fileOf(text, false)}, 1<<30)[0]
	n := testing.AllocsPerRun(3, func() {
		if _, err := lines(t.Context(), strings.NewReader(text), s, sizes{block, MaxLine}, func(int64, []byte) error { return nil }); err != nil {
			t.Error(err)
		}
	})
	if n > 10 {
		t.Errorf("%v allocations", n)
	}
}
