package input

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
)

// pattern is a pattern and its elements, of which none is empty, "." or "..".
type pattern struct {
	text     string
	elements []string
}

func parsePattern(text string) (pattern, error) {
	p := pattern{text: text}
	switch {
	case text == "":
		return p, errors.New("an input needs a name")
	case text[0] == '/':
		return p, errors.New("inputs are named below the worker's --input-root, without a / in front")
	}
	for element := range strings.SplitSeq(text, "/") {
		switch element {
		case "", ".":
			continue
		case "..":
			return p, errors.New("inputs are named below the worker's --input-root: no .. is allowed")
		}
		if _, err := path.Match(element, ""); err != nil {
			return p, err
		}
		p.elements = append(p.elements, element)
	}
	return p, nil
}

// wild reports whether an element can stand for other names than itself.
func wild(element string) bool { return strings.ContainsAny(element, `*?[\`) }

// literal reports whether the pattern is a name.
func (p pattern) literal() bool { return !slices.ContainsFunc(p.elements, wild) }

// glob returns the names that a pattern may stand for, sorted, of which not all need be
// there, and the directories that it could not look into. [io/fs.Glob] passes those over,
// has no bound, and opens whatever might be a directory, also a FIFO, which blocks it.
func (r *Root) glob(p pattern) (names []string, unread []Problem, err error) {
	names = []string{"."}
	for _, element := range p.elements {
		var next []string
		for _, dir := range names {
			if !wild(element) {
				next = append(next, path.Join(dir, element))
				continue
			}
			next, err = r.list(next, dir, element)
			switch {
			case len(next) > r.maxFiles:
				return nil, nil, r.tooMany()
			case shortage(err):
				return nil, nil, err
			case err != nil && !absent(err):
				unread = append(unread, problem(dir, reason(err)))
			}
		}
		names = next
	}
	slices.Sort(names)
	return names, unread, nil
}

// list appends the names in a directory that match an element, in any order. It ends when
// there are more than may be.
func (r *Root) list(names []string, dir, element string) ([]string, error) {
	f, err := r.root.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return names, named(dir, err)
	}
	defer f.Close()
	for {
		some, err := f.Readdirnames(1024)
		for _, name := range some {
			if ok, _ := path.Match(element, name); ok {
				names = append(names, path.Join(dir, name))
			}
		}
		switch {
		case err == io.EOF, len(names) > r.maxFiles:
			return names, nil
		case err != nil:
			return names, named(dir, err)
		}
	}
}

func (r *Root) tooMany() error { return fmt.Errorf("more than %d files", r.maxFiles) }
