package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"
)

// splitter cuts a stream of bytes into lines. A line is handed on when its newline
// has come, never in parts, and takes max bytes of memory at most: of a longer one
// the beginning is kept and the rest counted.
type splitter struct {
	max  int
	buf  []byte // the line so far, at most max bytes
	more int    // bytes of it beyond max
}

// write takes the next bytes and calls emit for each line they complete, without
// its newline. The slice is emit's to keep.
func (s *splitter) write(p []byte, emit func(line []byte)) {
	for len(p) > 0 {
		line, rest, whole := bytes.Cut(p, []byte{'\n'})
		room := min(len(line), s.max-len(s.buf))
		s.buf = append(s.buf, line[:room]...)
		s.more += len(line) - room
		if !whole {
			return
		}
		emit(s.take())
		p = rest
	}
}

// flush emits what has come of a line that will never be completed.
func (s *splitter) flush(emit func(line []byte)) {
	if len(s.buf) > 0 || s.more > 0 {
		emit(s.take())
	}
}

func (s *splitter) take() []byte {
	line, more := s.buf, s.more
	s.buf, s.more = nil, 0
	if more == 0 {
		return bytes.TrimSuffix(line, []byte{'\r'})
	}
	// Cut between characters, not within one.
	for i := 1; i <= utf8.UTFMax && i <= len(line); i++ {
		if tail := line[len(line)-i:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				line, more = line[:len(line)-i], more+i
			}
			break
		}
	}
	return fmt.Appendf(line, " …[cut: %d bytes more]", more)
}

// timeOf returns the moment a JSON log line gives in its "time" field (RFC 3339),
// and false for every other line.
func timeOf(line []byte) (time.Time, bool) {
	if len(line) == 0 || line[0] != '{' {
		return time.Time{}, false
	}
	// log/slog writes the time first. This way is fast, and works on a line that
	// was cut and is therefore no JSON any more.
	if rest, ok := bytes.CutPrefix(line, []byte(`{"time":"`)); ok {
		if value, _, ok := bytes.Cut(rest, []byte{'"'}); ok {
			t, err := time.Parse(time.RFC3339Nano, string(value))
			return t, err == nil
		}
		return time.Time{}, false
	}
	var fields struct {
		Time string `json:"time"`
	}
	if err := json.Unmarshal(line, &fields); err != nil {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, fields.Time)
	return t, err == nil
}
