package queue

import (
	"errors"
	"strings"
)

// wire is a job as it is in Redis: its ID, handler and options, a line each, and then the
// payload. None of the three can have a line feed in it.
func wire[T string | []byte](id, handler string, o options, payload T) string {
	return id + "\n" + handler + "\n" + o.String() + "\n" + string(payload)
}

// parseWire is wire's inverse; the options it leaves as they are.
func parseWire(job string) (id, handler, options, payload string, err error) {
	id, rest, ok := strings.Cut(job, "\n")
	handler, rest, ok2 := strings.Cut(rest, "\n")
	options, payload, ok3 := strings.Cut(rest, "\n")
	if !ok || !ok2 || !ok3 {
		return "", "", "", "", errors.New("job: it is not three lines and a payload")
	}
	return id, handler, options, payload, nil
}
