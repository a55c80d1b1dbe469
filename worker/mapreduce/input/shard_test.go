package input

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestShardsCoverTheirFiles(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 2))
		var files []File
		total := int64(0)
		for range rng.IntN(MaxShards/2 + 1) {
			f := File{Size: rng.Int64N(1 << rng.IntN(40)), Gzip: rng.IntN(10) == 0}
			files = append(files, f)
			total += f.Size
		}
		wanted := 1 + rng.Int64N(1<<rng.IntN(30))
		size := ShardSize(total, wanted)
		if size < wanted {
			t.Fatalf("seed %d: shards of %d bytes, wanted are %d", seed, size, wanted)
		}
		shards := Split(files, size)
		if len(shards) > MaxShards {
			t.Fatalf("seed %d: %d shards", seed, len(shards))
		}
		for _, f := range files {
			for at := int64(0); at < f.Size; shards = shards[1:] {
				s := shards[0]
				if s.File != f || s.From != at || s.To > f.Size || s.To-s.From != size && s.To != f.Size || f.Gzip && s.To != f.Size || s.To-s.From > size && !f.Gzip {
					t.Fatalf("seed %d: %+v is not the shard at %d of %+v", seed, s, at, f)
				}
				at = s.To
			}
		}
		if len(shards) > 0 {
			t.Fatalf("seed %d: no file's: %+v", seed, shards)
		}
	}
}

func TestTheSizeOfShards(t *testing.T) {
	for _, c := range []struct{ total, wanted, want int64 }{
		{0, 1, 1}, {1 << 30, 1 << 20, 1 << 20}, {5000*100 - 1, 100, 100}, {5000 * 100, 100, 101}, {math.MaxInt64, 1 << 20, math.MaxInt64/5000 + 1},
	} {
		if got := ShardSize(c.total, c.wanted); got != c.want {
			t.Errorf("of %d bytes, wanted are %d: %d, want %d", c.total, c.wanted, got, c.want)
		}
	}
	if got := Split([]File{{Size: math.MaxInt64}, {}, {Size: 1}}, math.MaxInt64-1); len(got) != 3 || got[1].To != math.MaxInt64 {
		t.Errorf("got %+v", got)
	}
	if got := Split([]File{{Size: math.MaxInt64}, {Size: math.MaxInt64}}, 1); len(got) != MaxShards+1 {
		t.Errorf("%d shards of one byte", len(got))
	}
	if got := Split([]File{{Size: 10}}, 0); len(got) != 1 || got[0].To != 10 {
		t.Errorf("of no size: got %+v", got)
	}
}

func TestAShardAsJSON(t *testing.T) {
	shards := Split([]File{{"a/b c.log", 10, "0123456789abcdef", false}, {"c.gz", 20, "f", true}}, 6)
	text, err := json.Marshal(shards[1:])
	if want := `[{"name":"a/b c.log","size":10,"print":"0123456789abcdef","from":6,"to":10},{"name":"c.gz","size":20,"print":"f","gzip":true,"from":0,"to":20}]`; err != nil || string(text) != want {
		t.Errorf("got %s (%v), want %s", text, err, want)
	}
	var again []Shard
	if err := json.Unmarshal(text, &again); err != nil || again[0] != shards[1] || again[1] != shards[2] {
		t.Errorf("got %+v (%v), want %+v", again, err, shards[1:])
	}
}

func TestWhatIsNoShard(t *testing.T) {
	r, _ := newRoot(t, "a.log", "text\n")
	file := found(t, r, "a.log")
	of := func(name string) File { f := file; f.Name = name; return f }
	packed := file
	packed.Gzip = true
	for _, c := range []struct {
		want  string
		shard Shard
	}{
		{"no name", Shard{of(""), 0, 5}},
		{"no name", Shard{of("/etc/passwd"), 0, 5}},
		{"no name", Shard{of("../a.log"), 0, 5}},
		{"no name", Shard{of("x/../a.log"), 0, 5}},
		{"no name", Shard{of("./a.log"), 0, 5}},
		{"no name", Shard{of("a.log/"), 0, 5}},
		{"no name", Shard{of("a\xff.log"), 0, 5}},
		{"is a directory", Shard{of("."), 0, 5}},
		{"printable", Shard{of("a\n.log"), 0, 5}},
		{"bytes -1 to 5 of 5", Shard{file, -1, 5}},
		{"bytes 0 to 6 of 5", Shard{file, 0, 6}},
		{"bytes 3 to 3 of 5", Shard{file, 3, 3}},
		{"bytes 4 to 3 of 5", Shard{file, 4, 3}},
		{"bytes 0 to 0 of 0", Shard{}},
		{"a part of", Shard{packed, 0, 4}},
		{"a part of", Shard{packed, 1, 5}},
	} {
		if c.shard == (Shard{}) {
			c.shard.Name = "a.log"
		}
		_, err := r.Lines(t.Context(), c.shard, nil)
		var p Problem
		if !errors.As(err, &p) || !strings.Contains(p.Reason, c.want) || !plain(err.Error()) {
			t.Errorf("%+v: error is %v, want one about %s", c.shard, err, c.want)
		}
	}
}
