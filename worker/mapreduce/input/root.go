// Package input is the files that a worker may read, those below its input root: found by
// patterns, split into shards on line ends, and the lines of one shard.
package input

import "os"

// The bounds of what is read.
const (
	// MaxFiles is how many files Find returns, or tells the problem of.
	MaxFiles = 100_000
	// MaxLine is how long a line may be, in bytes, without its end. A longer one is
	// counted and passed over.
	MaxLine = 1 << 20
)

// block is how many bytes are read at once. From 64 KiB to 1 MiB it makes no difference.
const block = 256 << 10

// Root is a directory below which files are read, and none else: whatever a name or a link
// says, nothing outside is opened. It is safe for use by many goroutines.
type Root struct {
	root     *os.Root
	maxFiles int
	sizes    sizes
}

// sizes are what a test of small texts makes small.
type sizes struct{ block, maxLine int }

// Open opens a directory as the root. Files are found in it even if it is moved.
func Open(dir string) (*Root, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Root{root, MaxFiles, sizes{block, MaxLine}}, nil
}

// Close closes the root. Nothing can be found or opened in it any more.
func (r *Root) Close() error { return r.root.Close() }
