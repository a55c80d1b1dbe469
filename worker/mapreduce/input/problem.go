package input

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"
)

// Problem says of a name why it is no file that can be read. As an error of Lines it means
// that trying again does not help.
type Problem struct {
	Name   string `json:"name"` // below the root; quoted, if it is not plain text
	Reason string `json:"reason"`
}

func (p Problem) Error() string { return p.Name + ": " + p.Reason }

func problem(name, reason string) Problem {
	if !plain(name) {
		name = strconv.Quote(name)
	}
	return Problem{name, reason}
}

// plain reports whether a name can be written into JSON and on a terminal as it is.
func plain(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}

// named makes of an error of package os, which has the whole path, one about the name: a
// Problem, if that is what it is for good.
func named(name string, err error) error {
	if p, ok := errors.AsType[Problem](err); ok {
		return p
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	if err.Error() == "path escapes from parent" { // os exports no value for it
		return problem(name, "leads out of the input root; a link has to be relative and stay below it")
	}
	return fmt.Errorf("%s: %w", name, err)
}

// reason is what Find says of an error that named has made.
func reason(err error) string {
	if p, ok := errors.AsType[Problem](err); ok {
		return p.Reason
	}
	return "cannot be read: " + errors.Unwrap(err).Error()
}

// absent reports whether there is nothing of the name.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// shortage reports whether an error is about this process and not about the file.
func shortage(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ENOMEM) || errors.Is(err, os.ErrClosed)
}
