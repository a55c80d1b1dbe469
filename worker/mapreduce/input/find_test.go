package input

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// newRoot is a root with files, of which names and content are given.
func newRoot(t *testing.T, files ...string) (r *Root, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "root")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for ; len(files) > 0; files = files[2:] {
		write(t, dir, files[0], files[1])
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r, dir
}

func write(t testing.TB, dir, name, content string) {
	t.Helper()
	name = filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// found is the file of a name.
func found(t *testing.T, r *Root, name string) File {
	t.Helper()
	files, problems, err := r.Find([]string{name})
	if err != nil || len(files) != 1 || len(problems) > 0 {
		t.Fatalf("%s: found %v, %v (%v)", name, files, problems, err)
	}
	return files[0]
}

func names(files []File) (all []string) {
	for _, f := range files {
		all = append(all, f.Name)
	}
	return all
}

func TestFilesComeInOrderAndOnce(t *testing.T) {
	r, dir := newRoot(t, "b.log", "b", "a.log", "a", "x/a.log", "xa", "x/b.txt", "xb", "y/a.log", "ya", "x-1/a.log", "", ".hidden.log", "h", "odd[1].log", "o")
	for link, to := range map[string]string{"link.log": "x/a.log", "y/up.log": "../a.log", "z": "x", "x/self": ".", "again": "link.log"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ patterns, want string }{
		{"a.log", "a.log"},
		{"*.log", ".hidden.log a.log b.log link.log odd[1].log"},
		{"b.log *.log", "b.log .hidden.log a.log link.log odd[1].log"},
		{"x*/*.log", "x-1/a.log x/a.log"},
		{"*/a.log", "x-1/a.log x/a.log y/a.log z/a.log"},
		{"x/self/self/a.log x/a.log", "x/self/self/a.log x/a.log"},
		{"./x//b.txt x/b.txt x/./*.txt", "x/b.txt"},
		{"again", "again"},
		{"y/up.log", "y/up.log"},
		{"[ab].log", "a.log b.log"},
		{"[^a].log", "b.log"},
		{`odd\[1\].log`, "odd[1].log"},
		{"?.log", "a.log b.log"},
	} {
		files, problems, err := r.Find(strings.Fields(c.patterns))
		if got := strings.Join(names(files), " "); err != nil || len(problems) > 0 || got != c.want {
			t.Errorf("%s: found %s, problems %v (%v), want %s", c.patterns, got, problems, err, c.want)
		}
	}
	if files, problems, err := r.Find(nil); err != nil || files != nil || problems != nil {
		t.Errorf("of no patterns: %v, %v (%v)", files, problems, err)
	}
}

func TestWhatIsSaidOfAFile(t *testing.T) {
	long := strings.Repeat("x", 2000)
	r, _ := newRoot(t, "empty", "", "text", "some text", "again", "some text", "long", long, "as-long", long[:1024]+"and others", "other", "y"+long,
		"packed.log", packed("text", 1), "plain.gz", "text", "short.gz", "\x1f")
	files, problems, err := r.Find([]string{"*"})
	if err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
	got := make(map[string]File)
	for _, f := range files {
		got[f.Name] = f
	}
	if got["text"].Size != 9 || got["empty"].Size != 0 || got["long"].Size != 2000 {
		t.Errorf("sizes: %v", files)
	}
	if got["text"].Print != got["again"].Print || got["long"].Print != got["as-long"].Print || len(got["text"].Print) != 16 {
		t.Errorf("prints of files that begin the same: %v", files)
	}
	if got["text"].Print == got["long"].Print || got["long"].Print == got["other"].Print {
		t.Errorf("prints of files that do not: %v", files)
	}
	for name, f := range got {
		if f.Gzip != (name == "packed.log") {
			t.Errorf("%+v", f)
		}
	}
	if s := Split(files[slices.IndexFunc(files, func(f File) bool { return f.Name == "empty" }):][:1], 1); len(s) > 0 {
		t.Errorf("shards of an empty file: %+v", s)
	}
}

func TestPatternsThatAreNone(t *testing.T) {
	r, _ := newRoot(t, "a", "a")
	for pattern, want := range map[string]string{
		"": "needs a name", "/etc/passwd": "--input-root", "/": "--input-root", "..": "--input-root", "../*": "--input-root", "a/../a": "--input-root", "*/..": "--input-root",
		"[": "syntax error", "a/[]": "syntax error", "[a/b]": "syntax error", `a\`: "syntax error", `a\/b`: "syntax error", "[z-a": "syntax error",
	} {
		files, problems, err := r.Find([]string{"a", pattern})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), fmt.Sprintf("%q: ", pattern)) || files != nil || problems != nil {
			t.Errorf("%q: found %v, %v; error is %v, want one about %s", pattern, files, problems, err, want)
		}
	}
}

// mknod makes what is no regular file.
func mknod(t *testing.T, name string, kind uint32) {
	t.Helper()
	if err := syscall.Mknod(name, kind|0o644, 0); err != nil {
		t.Fatal(err)
	}
}

func TestWhatCannotBeReadIsToldAndTheRestGoesOn(t *testing.T) {
	r, dir := newRoot(t, "a.log", "a", "logs/b.log", "b", "odd/line\nfeed", "", "odd/not-\xff", "")
	write(t, filepath.Dir(dir), "outside.log", "secret")
	mknod(t, filepath.Join(dir, "pipe"), syscall.S_IFIFO)
	mknod(t, filepath.Join(dir, "socket"), syscall.S_IFSOCK)
	for link, to := range map[string]string{
		"out": "../outside.log", "far": "/etc/passwd", "near": filepath.Join(dir, "a.log"), "dir-out": "..", "nothing": "no-such", "loop": "loop", "to-pipe": "pipe", "to-logs": "logs",
	} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	const out = "leads out of the input root; a link has to be relative and stay below it"
	for pattern, want := range map[string]string{
		"no-such":                "no-such: no file of this name",
		"no/such":                "no/such: no file of this name",
		"a.log/b":                "a.log/b: no file of this name",
		"pipe/b":                 "pipe/b: no file of this name",
		"x*":                     "x*: no file matches",
		"no/*.log":               "no/*.log: no file matches",
		"*s/no.log":              "*s/no.log: no file matches",
		"d*/no.log":              "dir-out/no.log: " + out,
		"l*p/*":                  "loop: cannot be read: too many levels of symbolic links",
		"pipe/*":                 "pipe/*: no file matches",
		"logs":                   "logs: is a directory; name its files, as logs/*",
		"to-logs/":               "to-logs: is a directory; name its files, as to-logs/*",
		".":                      ".: is a directory; name its files, as *",
		"pipe":                   "pipe: is a named pipe",
		"to-pipe":                "to-pipe: is a named pipe",
		"socket":                 "socket: is a socket",
		"out":                    "out: " + out,
		"far":                    "far: " + out,
		"near":                   "near: " + out,
		"dir-out":                "dir-out: " + out,
		"dir-out/outside.log":    "dir-out/outside.log: " + out,
		"dir-out/*":              "dir-out: " + out,
		"nothing":                "nothing: is a link to nothing",
		"nothin*":                "nothing: is a link to nothing",
		"loop":                   "loop: cannot be read: too many levels of symbolic links",
		"odd/*":                  `"odd/line\nfeed": its name is not of printable UTF-8 "odd/not-\xff": its name is not of printable UTF-8`,
		"odd/line\nfeed":         `"odd/line\nfeed": its name is not of printable UTF-8`,
		"no\nsuch*":              `"no\nsuch*": no file matches`,
		"a\x00":                  `"a\x00": its name is not of printable UTF-8`,
		strings.Repeat("x", 300): strings.Repeat("x", 300) + ": cannot be read: file name too long",
	} {
		files, problems, err := r.Find([]string{pattern, "a.log", pattern})
		var got []string
		for _, p := range problems {
			got = append(got, p.Error())
		}
		if err != nil || strings.Join(got, " ") != want || !slices.Equal(names(files), []string{"a.log"}) {
			t.Errorf("%q: found %v; problems are %q (%v), want %q", pattern, names(files), got, err, want)
		}
	}

	// A FIFO that was a file a moment ago is not waited for either.
	if _, _, err := r.openNow("pipe"); err != (Problem{"pipe", "is a named pipe"}) {
		t.Errorf("error is %v", err)
	}
	// Nor is anything but a regular file read that a shard names.
	for _, name := range []string{"pipe", "to-pipe", "socket", "logs", "out", "far", "dir-out/outside.log"} {
		s := Shard{File{Name: name, Size: 6, Print: fingerprint([]byte("secret"))}, 0, 6}
		_, err := r.Lines(t.Context(), s, nil)
		if p, ok := errors.AsType[Problem](err); !ok || p.Name != name {
			t.Errorf("a shard of %s: error is %v", name, err)
		}
	}
	// What is not there may be so for another worker, or later.
	for _, name := range []string{"nothing", "no-such"} {
		_, err := r.Lines(t.Context(), Shard{File{Name: name, Size: 1}, 0, 1}, nil)
		if want := name + ": no such file or directory"; !errors.Is(err, fs.ErrNotExist) || err.Error() != want {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
}

func TestDevicesAreNotFiles(t *testing.T) {
	r, err := Open("/dev")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	files, problems, err := r.Find([]string{"null", "zero", "nul*"})
	if want := []Problem{{"null", "is a device"}, {"zero", "is a device"}}; err != nil || len(files) > 0 || !slices.Equal(problems, want) {
		t.Errorf("found %v, problems %v (%v)", files, problems, err)
	}
	if _, _, err := r.openNow("null"); err != (Problem{"null", "is a device"}) {
		t.Errorf("error is %v", err)
	}
}

func TestNoMoreFilesThanMayBe(t *testing.T) {
	r, dir := newRoot(t, "a", "", "b", "", "c", "", "x/d", "", "x/e", "")
	if err := os.Symlink("no-such", filepath.Join(dir, "x/f")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		bound    int
		patterns string
		ok       bool
	}{
		{4, "*", true}, {3, "*", false}, {3, "?", false}, {3, "[a-c]", true}, {6, "[a-c] x/*", true}, {5, "[a-c] x/*", false}, {2, "*/d", false}, {3, "x/d x/* x/d x/e a*z", true}, {2, "a b c", false}, {0, "nothing", true},
	} {
		r.maxFiles = c.bound
		_, _, err := r.Find(strings.Fields(c.patterns))
		if (err == nil) != c.ok || err != nil && !strings.HasSuffix(err.Error(), fmt.Sprintf(": more than %d files", c.bound)) {
			t.Errorf("%s, %d at most: error is %v", c.patterns, c.bound, err)
		}
	}
}

// A directory is not read to its end, however large it is, when that is too much.
func TestALargeDirectoryIsNotHeldInMemory(t *testing.T) {
	var all []string
	for n := range 3000 {
		all = append(all, fmt.Sprint(n), "")
	}
	r, _ := newRoot(t, all...)
	r.maxFiles = 5
	if names, err := r.list(nil, ".", "*"); err != nil || len(names) <= r.maxFiles || len(names) == 3000 {
		t.Errorf("%d names (%v)", len(names), err)
	}
}

// What this process lacks is nothing about the files: they may be readable later.
func TestAShortageIsNoProblemOfAFile(t *testing.T) {
	r, _ := newRoot(t, "a", "a")
	file := found(t, r, "a")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"a", "*"} {
		if files, problems, err := r.Find([]string{pattern}); !errors.Is(err, os.ErrClosed) || files != nil || problems != nil {
			t.Errorf("%s: found %v, problems %v (%v)", pattern, files, problems, err)
		}
	}
	if _, err := r.Lines(t.Context(), Shard{file, 0, 1}, nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("error is %v", err)
	}
	for _, no := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
		if !shortage(named("a", &fs.PathError{Op: "open", Path: "/srv/logs/a", Err: no})) {
			t.Errorf("%v is no shortage", no)
		}
	}
	if shortage(nil) || shortage(named("a", syscall.EACCES)) {
		t.Error("shortages that are none")
	}
}

func TestRootsThatAreNone(t *testing.T) {
	_, dir := newRoot(t, "a", "a")
	for _, name := range []string{filepath.Join(dir, "a"), filepath.Join(dir, "no-such"), ""} {
		if r, err := Open(name); err == nil {
			t.Errorf("%q is open: %v", name, r)
		}
	}
}

// Where fs.Glob can tell, it is what Find does.
func TestFindIsGlob(t *testing.T) {
	var tree []string
	for _, dir := range []string{"", "a/", "b/", "ab/", "a/b/", "a/a/", "b/ab/"} {
		for _, name := range []string{"1", "2", "a1", "b2", "ba"} {
			tree = append(tree, dir+name, dir+name)
		}
	}
	r, _ := newRoot(t, tree...)
	matched := make(map[bool]int)
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 3))
		var elements []string
		for range 1 + rng.IntN(3) {
			element := ""
			for range 1 + rng.IntN(3) {
				element += []string{"a", "b", "1", "2", "*", "?", "[ab]", "[^1]", `\a`}[rng.IntN(9)]
			}
			elements = append(elements, element)
		}
		pattern := path.Join(elements...)
		all, err := fs.Glob(r.root.FS(), pattern)
		if err != nil {
			t.Fatal(err)
		}
		files, problems, err := r.Find([]string{pattern})
		got := make(map[string]bool)
		for _, f := range files {
			got[f.Name] = true
		}
		for _, p := range problems {
			if !strings.HasPrefix(p.Reason, "no file") {
				got[p.Name] = true // a directory
			}
		}
		slices.Sort(all)
		if err != nil || !slices.Equal(slices.Sorted(maps.Keys(got)), all) || !slices.IsSorted(names(files)) {
			t.Errorf("%s: found %v, problems %v (%v), want %v", pattern, names(files), problems, err, all)
		}
		matched[len(all) > 0]++
	}
	if matched[true] < 500 || matched[false] < 500 {
		t.Errorf("of the patterns some match and some do not: %v", matched)
	}
}
