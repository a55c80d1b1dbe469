package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// options are a job's in its entry: a JSON object, or nothing when all is as usual. Times
// are milliseconds.
type options struct {
	MaxAttempts int    `json:"max_attempts,omitzero"`
	Timeout     int64  `json:"timeout,omitzero"`
	Deadline    int64  `json:"deadline,omitzero"` // Unix
	Key         string `json:"key,omitzero"`
	Keep        int64  `json:"keep,omitzero"`
	Then        string `json:"then,omitzero"`
	ThenHandler string `json:"then_handler,omitzero"`

	Named    bool  `json:"named,omitzero"`    // its ID was chosen by the caller
	Enqueued int64 `json:"enqueued,omitzero"` // Unix; while it is not set, the entry says it
	Attempts int   `json:"attempts,omitzero"` // that have failed
	Crashes  int   `json:"crashes,omitzero"`  // workers that died with it, in earlier entries
}

func (o options) String() string {
	if o == (options{}) {
		return ""
	}
	b, err := json.Marshal(o)
	if err != nil { // strings, numbers and a bool
		panic(err)
	}
	return string(b)
}

func parseOptions(s string) (o options, err error) {
	if s == "" {
		return o, nil
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		return options{}, fmt.Errorf("options: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return options{}, errors.New("options: something follows the object")
	}
	for _, n := range []struct {
		name        string
		value, most int64
	}{
		{"max_attempts", int64(o.MaxAttempts), MaxAttempts},
		{"timeout", o.Timeout, MaxDelay.Milliseconds()},
		{"deadline", o.Deadline, math.MaxInt64},
		{"keep", o.Keep, MaxDelay.Milliseconds()},
		{"enqueued", o.Enqueued, math.MaxInt64},
		{"attempts", int64(o.Attempts), MaxAttempts},
		{"crashes", int64(o.Crashes), math.MaxInt32},
	} {
		if n.value < 0 || n.value > n.most {
			return options{}, fmt.Errorf("options: %s: %d is not within 0 and %d", n.name, n.value, n.most)
		}
	}
	return o, nil
}

// ms is a duration in milliseconds, rounded up.
func ms(d time.Duration) int64 {
	n := d.Milliseconds()
	if d%time.Millisecond > 0 {
		n++
	}
	return n
}
