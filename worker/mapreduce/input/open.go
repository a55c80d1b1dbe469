package input

import (
	"io/fs"
	"os"
	"path"
	"syscall"
)

// open opens a regular file and returns its size. Anything else is a Problem and is not
// even opened: to open a device can do something, and to open a FIFO waits for a writer.
func (r *Root) open(name string) (*os.File, int64, error) {
	if !plain(name) {
		return nil, 0, problem(name, "its name is not of printable UTF-8")
	}
	info, err := r.root.Stat(name)
	if err == nil {
		err = regular(name, info.Mode())
	}
	if err != nil {
		return nil, 0, named(name, err)
	}
	return r.openNow(name)
}

// openNow opens what was a regular file a moment ago. It does not wait, whatever it is now.
func (r *Root) openNow(name string) (*os.File, int64, error) {
	f, err := r.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, 0, named(name, err)
	}
	info, err := f.Stat()
	if err == nil {
		err = regular(name, info.Mode())
	}
	if err != nil {
		f.Close()
		return nil, 0, named(name, err)
	}
	return f, info.Size(), nil
}

// isLink reports whether there is a link of the name, wherever it leads.
func (r *Root) isLink(name string) bool {
	info, err := r.root.Lstat(name)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// regular returns a Problem of what is no regular file.
func regular(name string, mode fs.FileMode) error {
	switch {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		return problem(name, "is a directory; name its files, as "+path.Join(name, "*"))
	case mode&fs.ModeNamedPipe != 0:
		return problem(name, "is a named pipe")
	case mode&fs.ModeSocket != 0:
		return problem(name, "is a socket")
	case mode&fs.ModeDevice != 0:
		return problem(name, "is a device")
	}
	return problem(name, "is no regular file")
}
