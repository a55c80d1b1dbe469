package input

import "fmt"

// Find returns the files that patterns name, each once: in the order of the patterns, those
// of one pattern by name. What a pattern names that is no readable regular file is a
// problem, and so is a pattern that names nothing; the rest goes on. The error is about a
// pattern, about too many files, or about what this process lacks to look at them.
//
// A pattern is relative to the root; its elements are as [path.Match] has them.
func (r *Root) Find(patterns []string) ([]File, []Problem, error) {
	f := finding{root: r, names: make(map[string]bool), told: make(map[Problem]bool)}
	for _, text := range patterns {
		p, err := parsePattern(text)
		if err == nil {
			err = f.add(p)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%q: %w", text, err)
		}
	}
	return f.files, f.problems, nil
}

// finding is what was found so far.
type finding struct {
	root     *Root
	files    []File
	problems []Problem
	names    map[string]bool // of files and problems
	told     map[Problem]bool
}

// add adds what a pattern names.
func (f *finding) add(p pattern) error {
	names, unread, err := f.root.glob(p)
	if err != nil {
		return err
	}
	for _, p := range unread {
		f.tell(p)
	}
	none := len(unread) == 0
	for _, name := range names {
		there, err := f.look(name)
		if err != nil {
			return err
		}
		none = none && !there
		if len(f.names) > f.root.maxFiles {
			return f.root.tooMany()
		}
	}
	switch {
	case !none:
	case p.literal():
		f.tell(problem(p.text, "no file of this name"))
	default:
		f.tell(problem(p.text, "no file matches"))
	}
	return nil
}

// look reports whether there is something of a name, and adds it, unless another pattern
// has named it.
func (f *finding) look(name string) (bool, error) {
	if f.names[name] {
		return true, nil
	}
	file, err := f.root.file(name)
	switch {
	case err == nil:
		f.files = append(f.files, file)
	case absent(err):
		if !f.root.isLink(name) {
			return false, nil
		}
		f.tell(problem(name, "is a link to nothing"))
	case shortage(err):
		return false, err
	default:
		f.tell(problem(name, reason(err)))
	}
	f.names[name] = true
	return true, nil
}

// tell adds a problem, unless it was told before.
func (f *finding) tell(p Problem) {
	if !f.told[p] {
		f.told[p] = true
		f.problems = append(f.problems, p)
	}
}
