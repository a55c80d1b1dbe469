package input

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// read is what is read of a file's only shard.
func read(t *testing.T, r *Root, file File) ([]string, error) {
	t.Helper()
	var all []string
	_, err := r.Lines(t.Context(), Split([]File{file}, 1<<30)[0], func(_ int64, line []byte) error {
		all = append(all, string(line))
		return nil
	})
	return all, err
}

func TestAFileThatChangedSinceItWasFound(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(t *testing.T, dir, file string)
		want   string
	}{
		{"replaced", func(t *testing.T, dir, _ string) { write(t, dir, "a.log", "other\nline\n") }, "a.log: changed since the run began: it is another file"},
		{"replaced by a longer one", func(t *testing.T, dir, _ string) { write(t, dir, "a.log", "other\nline\n and more") }, "a.log: changed since the run began: it is another file"},
		{"shorter", func(t *testing.T, _, file string) { os.Truncate(file, 10) }, "a.log: changed since the run began: it is shorter"},
		{"empty", func(t *testing.T, _, file string) { os.Truncate(file, 0) }, "a.log: changed since the run began: it is shorter"},
		{"gone", func(t *testing.T, _, file string) { os.Remove(file) }, "a.log: no such file or directory"},
		{"a directory", func(t *testing.T, _, file string) { os.Remove(file); os.Mkdir(file, 0o755) }, "a.log: is a directory; name its files, as a.log/*"},
		{"a FIFO", func(t *testing.T, _, file string) { os.Remove(file); mknod(t, file, syscall.S_IFIFO) }, "a.log: is a named pipe"},
		{"a link that leads out", func(t *testing.T, dir, file string) { os.Rename(file, dir+".log"); os.Symlink("../root.log", file) },
			"a.log: leads out of the input root; a link has to be relative and stay below it"},
		{"grown", func(t *testing.T, dir, _ string) { write(t, dir, "a.log", "some\nlines\nand more\n") }, ""},
		{"moved, and a link to it", func(t *testing.T, dir, file string) { os.Rename(file, filepath.Join(dir, "b")); os.Symlink("b", file) }, ""},
		{"the same", func(*testing.T, string, string) {}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, dir := newRoot(t, "a.log", "some\nlines\n")
			file := found(t, r, "a.log")
			c.change(t, dir, filepath.Join(dir, "a.log"))
			all, err := read(t, r, file)
			if c.want == "" {
				if err != nil || !slices.Equal(all, []string{"some", "lines"}) {
					t.Errorf("read %q: %v", all, err)
				}
				return
			}
			if err == nil || err.Error() != c.want || len(all) > 0 {
				t.Errorf("read %q: error is %v, want %s", all, err, c.want)
			}
			_, isProblem := errors.AsType[Problem](err)
			if errors.Is(err, ErrChanged) != strings.Contains(c.want, "changed") || errors.Is(err, fs.ErrNotExist) != (c.name == "gone") ||
				isProblem == (errors.Is(err, ErrChanged) || errors.Is(err, fs.ErrNotExist)) {
				t.Errorf("%v is a %T", err, err)
			}
		})
	}
}

func TestAFileThatBecomesShorterWhileItIsRead(t *testing.T) {
	var b strings.Builder
	for n := range uint64(50_000) {
		fmt.Fprintln(&b, n*n*n*n) // does not get very small
	}
	text := b.String()
	for _, content := range []string{text, packed(text, 10)} {
		r, dir := newRoot(t, "a.log", content)
		r.sizes.block = 1000
		file := found(t, r, "a.log")
		lines := 0
		c, err := r.Lines(t.Context(), Split([]File{file}, 1<<30)[0], func(int64, []byte) error {
			if lines++; lines == 1 {
				return os.Truncate(filepath.Join(dir, "a.log"), 100_000)
			}
			return nil
		})
		if !errors.Is(err, ErrChanged) || c.Lines != int64(lines) || c.Bytes >= file.Size {
			t.Errorf("gzip %t: after %d lines, %+v, error is %v", file.Gzip, lines, c, err)
		}
	}
}

// What was written to a compressed file after it was found is not read, and what had not
// been written by then is missing.
func TestACompressedFileThatIsBeingWritten(t *testing.T) {
	whole := packed("some\nlines\n", 1)
	r, dir := newRoot(t, "a.gz", whole, "cut.gz", whole[:len(whole)-4])
	file, cut := found(t, r, "a.gz"), found(t, r, "cut.gz")
	write(t, dir, "a.gz", whole+packed("more\n", 1))
	write(t, dir, "cut.gz", whole)
	if all, err := read(t, r, file); err != nil || !slices.Equal(all, []string{"some", "lines"}) {
		t.Errorf("read %q: %v", all, err)
	}
	all, err := read(t, r, cut)
	if want := "cut.gz: gzip: the file is cut off, after 11 bytes of text, 2 lines"; err == nil || err.Error() != want || len(all) != 2 {
		t.Errorf("read %q: %v", all, err)
	}
}

// failing is a file that cannot be read from some place on.
type failing struct {
	io.ReaderAt
	from int64
}

func (f failing) ReadAt(b []byte, at int64) (int, error) {
	n, err := f.ReaderAt.ReadAt(b[:min(int64(len(b)), max(0, f.from-at))], at)
	if n < len(b) && err == nil {
		err = &fs.PathError{Op: "read", Path: "/srv/logs/a.log", Err: syscall.EIO}
	}
	return n, err
}

func TestAnErrorOfTheSystemNamesTheFile(t *testing.T) {
	text := strings.Repeat("some text\n", 10_000)
	for _, content := range []string{text, packed(text, 100)} {
		s := Split([]File{fileOf(content, content != text)}, 1<<20)[0]
		c, err := lines(t.Context(), failing{strings.NewReader(content), 1000}, s, sizes{100, 1000}, func(int64, []byte) error { return nil })
		if !errors.Is(err, syscall.EIO) || err.Error() != "a.log: input/output error" || c.Bytes != 1000 || c.Lines < 90 {
			t.Errorf("gzip %t: %+v, error is %v", s.Gzip, c, err)
		}
		// The end of a shard's last line.
		if s.Gzip {
			continue
		}
		s.From, s.To = 985, 999
		if c, err := lines(t.Context(), failing{strings.NewReader(content), 1000}, s, sizes{100, 1000}, func(int64, []byte) error { return nil }); !errors.Is(err, syscall.EIO) || c.Lines != 0 || c.Bytes != 16 {
			t.Errorf("%+v, error is %v", c, err)
		}
		if err := s.same(failing{strings.NewReader(content), 1000}, s.Size); !errors.Is(err, syscall.EIO) {
			t.Errorf("error is %v", err)
		}
	}
}

func TestAFileThatIsShorterThanItSaysOrSaid(t *testing.T) {
	text := strings.Repeat("some text\n", 200)
	r, dir := newRoot(t, "a.log", text)
	file := found(t, r, "a.log")
	if err := os.Truncate(filepath.Join(dir, "a.log"), file.Size-1); err != nil { // where its fingerprint is the same
		t.Fatal(err)
	}
	if c, err := r.Lines(t.Context(), Shard{file, 0, 10}, nil); !errors.Is(err, ErrChanged) || c.Bytes > 0 { // whatever the shard
		t.Errorf("%+v, error is %v", c, err)
	}
	s := Shard{fileOf(text, false), 0, 10}
	if err := s.same(strings.NewReader(text[:10]), s.Size); !errors.Is(err, ErrChanged) {
		t.Errorf("error is %v", err)
	}
	if _, err := head(strings.NewReader("short"), 6); err != errShorter {
		t.Errorf("error is %v", err)
	}
}
