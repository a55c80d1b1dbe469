package verbs

import (
	"fmt"
	"slices"
	"strings"

	"formation/worker/mapreduce"
)

// summary tells what went into a result, and what did not.
func (s session) summary(of mapreduce.Status) {
	s.note("%s", amount(of))
	for _, n := range []struct {
		count     int64
		one, many string
	}{
		{of.Bad, "line is not of the format", "lines are not of the format"},
		{of.Long, "line was too long, and passed over", "lines were too long, and passed over"},
		{of.Problems, "input could not be read", "inputs could not be read"},
		{of.NoNumber, "line has no number in " + of.Spec.Group.Of, "lines have no number in " + of.Spec.Group.Of},
	} {
		if n.count > 0 {
			s.note("%s", printable(count(n.count, n.one, n.many)))
		}
	}
	for _, sample := range of.Samples {
		fmt.Fprintln(s.Err, "  "+printable(sample))
	}
	if e := estimates(of.Spec); e != "" {
		s.note("estimated: %s", e)
	}
}

// amount is how much was read, and how fast.
func amount(s mapreduce.Status) string {
	lines := count(s.Lines, "line", "lines")
	if len(s.Spec.Where) > 0 {
		lines += fmt.Sprintf(", %d chosen,", s.Chosen)
	}
	text := fmt.Sprintf("%s of %s, %s", lines, count(s.Files, "file", "files"), size(s.Bytes))
	took := s.Ended.Sub(s.Created)
	if took <= 0 {
		return text
	}
	return fmt.Sprintf("%s, in %v: %s/s", text, short(took), size(int64(float64(s.Read)/took.Seconds())))
}

// estimates are the functions whose results are no exact ones, with their errors.
func estimates(s mapreduce.Spec) string {
	all := slices.Clone(s.Group.Agg)
	if s.Then != nil {
		all = append(all, s.Then.Agg...)
	}
	var said []string
	for _, f := range all {
		text := string(f) + " " + f.Accuracy()
		if f.Accuracy() != "" && !slices.Contains(said, text) {
			said = append(said, text)
		}
	}
	return strings.Join(said, ", ")
}
