package input

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
)

// File is a regular file as it was when it was found.
type File struct {
	Name  string `json:"name"`           // below the root, elements separated by /
	Size  int64  `json:"size"`           // bytes
	Print string `json:"print"`          // of its first bytes: another file's is another
	Gzip  bool   `json:"gzip,omitempty"` // by its first bytes, whatever its name
}

// printed is how many bytes of a file, from the first, tell it from others.
const printed = 1024

// errShorter is about a file that has fewer bytes than it said just now.
var errShorter = errors.New("it became shorter meanwhile")

// file looks at a file: the error is as open's.
func (r *Root) file(name string) (File, error) {
	f, size, err := r.open(name)
	if err != nil {
		return File{}, err
	}
	defer f.Close()
	head, err := head(f, size)
	if err != nil {
		return File{}, named(name, err)
	}
	return File{name, size, fingerprint(head), bytes.HasPrefix(head, []byte{0x1f, 0x8b})}, nil // RFC 1952 2.3.1
}

// head returns the bytes of a file of that size that its fingerprint covers.
func head(f io.ReaderAt, size int64) ([]byte, error) {
	b := make([]byte, min(size, printed))
	n, err := f.ReadAt(b, 0)
	if n == len(b) {
		return b, nil
	}
	if err == io.EOF {
		err = errShorter
	}
	return nil, err
}

// fingerprint is 16 hexadecimal digits of the head's SHA-256.
func fingerprint(head []byte) string {
	sum := sha256.Sum256(head)
	return hex.EncodeToString(sum[:8])
}
