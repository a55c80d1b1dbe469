package input

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
)

// asNobody runs do as somebody whom permissions keep from files, which they do not keep
// root from.
func asNobody(t *testing.T, do func()) {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		var err error
		if os.Geteuid() == 0 {
			err = syscall.Setfsuid(65534)
		}
		if err == nil {
			do()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestFilesThatMayNotBeRead(t *testing.T) {
	r, dir := newRoot(t, "a.log", "a\n", "b.log", "b\n", "closed/c.log", "c\n", "d/e.log", "e\n")
	file := found(t, r, "b.log")
	for _, name := range []string{"b.log", "closed"} {
		name = filepath.Join(dir, name)
		if err := os.Chmod(name, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.Chmod(name, 0o700) })
	}
	asNobody(t, func() {
		files, problems, err := r.Find([]string{"*.log", "*/*.log", "closed/c.log", "closed/*"})
		const denied = "cannot be read: permission denied"
		if want := []Problem{{"b.log", denied}, {"closed", denied}, {"closed/c.log", denied}}; err != nil || !slices.Equal(problems, want) || !slices.Equal(names(files), []string{"a.log", "d/e.log"}) {
			t.Errorf("found %v, problems %v (%v), want %v", names(files), problems, err, want)
		}
		_, err = r.Lines(t.Context(), Shard{file, 0, 2}, nil)
		if !errors.Is(err, fs.ErrPermission) || err.Error() != "b.log: permission denied" {
			t.Errorf("error is %v", err)
		}
	})
}
