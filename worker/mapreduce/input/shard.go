package input

import (
	"fmt"
	"io/fs"
)

// MaxShards is how many shards a run may have.
const MaxShards = 10_000

// Shard is a part of a file: the lines that begin in it.
type Shard struct {
	File
	From int64 `json:"from"` // the first byte
	To   int64 `json:"to"`   // the byte after the last
}

// ShardSize returns the size of shards for files of that many bytes in total: the wanted
// one, or a larger one where that would make too many. MaxShards/2 files, or fewer, are then
// no more than MaxShards shards.
func ShardSize(total, wanted int64) int64 {
	const most = MaxShards / 2 // and at the end of each file one that is smaller
	return max(wanted, total/most+1)
}

// Split divides files into shards of a size, the last of a file smaller, in the order of the
// files. A file that is compressed is one shard, and an empty one is none. A size of 0 or
// less divides no file. One shard more than MaxShards is the last that is made.
func Split(files []File, size int64) []Shard {
	var shards []Shard
	for _, f := range files {
		step := size
		if f.Gzip || step <= 0 {
			step = f.Size
		}
		for to := int64(0); to < f.Size && len(shards) <= MaxShards; {
			from := to
			to += min(step, f.Size-from)
			shards = append(shards, Shard{f, from, to})
		}
	}
	return shards
}

// check holds a shard, which anybody may have written, to what Split makes.
func (s *Shard) check() error {
	switch {
	case !fs.ValidPath(s.Name):
		return problem(s.Name, "is no name of a file below the input root")
	case s.From < 0 || s.From >= s.To || s.To > s.Size:
		return problem(s.Name, fmt.Sprintf("bytes %d to %d of %d are no shard", s.From, s.To, s.Size))
	case s.Gzip && (s.From > 0 || s.To < s.Size):
		return problem(s.Name, "a part of a compressed file is no shard")
	}
	return nil
}
