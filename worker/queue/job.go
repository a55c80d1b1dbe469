package queue

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// The bounds of a job. Whoever passes them gets an error that says so.
const (
	MaxPayload  = 1 << 20 // bytes
	MaxName     = 128     // bytes of a queue's or handler's name, an ID or a key
	MaxAttempts = 1000
	MaxDelay    = 366 * 24 * time.Hour // also of a timeout, and for a result to be kept
)

// DefaultAttempts is how many attempts a job has that does not say.
const DefaultAttempts = 10

// New is a job to be enqueued. Only Handler has to be set.
type New struct {
	// ID names the job for as long as it is in the queue, or failed: a second one with
	// the same ID is not enqueued. Empty: one is made, which nobody else has.
	ID string
	// Handler is the name of what is to be done.
	Handler string
	// Payload is what it is to be done with: JSON, for handlers that [Handle] makes. At
	// most MaxPayload.
	Payload []byte
	// Priority is Normal, if not set.
	Priority Priority
	// Delay is how long the job is not to be taken. Up to MaxDelay.
	Delay time.Duration
	// MaxAttempts is after how many failures it is given up; 0: DefaultAttempts.
	MaxAttempts int
	// Timeout bounds one attempt, up to MaxDelay; 0: nothing does.
	Timeout time.Duration
	// Deadline is when it is too late to begin, or go on with, an attempt. Zero: never.
	Deadline time.Time
	// Key keeps a second job with the same key from being enqueued while this one is in
	// the queue, or its result is kept. Handlers get it as a key of idempotency, for
	// what they do elsewhere.
	Key string
	// Keep is for how long the result is kept, up to MaxDelay; 0: it is not.
	Keep time.Duration
	// Then is the queue in which the result is to be the payload of another job, with
	// the same ID. That queue's bound does not hold it up.
	Then string
	// ThenHandler is that job's handler; empty: this one's.
	ThenHandler string
}

// CheckName checks the name of a queue or handler.
func CheckName(name string) error {
	switch {
	case len(name) > MaxName:
		return fmt.Errorf("%.20q… has more than %d bytes", name, MaxName)
	case !plain(name):
		return fmt.Errorf("%q is not of letters, digits and . _ : / -, with a letter or digit first", name)
	}
	return nil
}

func plain(name string) bool {
	for n, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case n > 0 && strings.IndexByte("._:/-", c) >= 0:
		default:
			return false
		}
	}
	return name != ""
}

// checkText checks an ID or key.
func checkText(s string) error {
	if len(s) > MaxName {
		return fmt.Errorf("%.20q… has more than %d bytes", s, MaxName)
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("%q is not UTF-8", s)
	}
	for _, r := range s {
		if r < ' ' || r == 0x7f {
			return fmt.Errorf("%q has a control character", s)
		}
	}
	return nil
}

func errPayload(bytes int) error {
	return fmt.Errorf("payload: %d bytes, more than %d", bytes, MaxPayload)
}

// check returns what is wrong, and which field.
func (j *New) check() error {
	if err := CheckName(j.Handler); err != nil {
		return fmt.Errorf("handler: %w", err)
	}
	if err := checkText(j.ID); err != nil {
		return fmt.Errorf("ID: %w", err)
	}
	if err := checkText(j.Key); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	if j.Then != "" {
		if err := CheckName(j.Then); err != nil {
			return fmt.Errorf("then: %w", err)
		}
	}
	if j.ThenHandler != "" {
		if err := CheckName(j.ThenHandler); err != nil {
			return fmt.Errorf("then's handler: %w", err)
		}
	}
	switch {
	case len(j.Payload) > MaxPayload:
		return errPayload(len(j.Payload))
	case j.Priority >= priorities:
		return fmt.Errorf("priority: %d is none", j.Priority)
	case j.Delay < 0 || j.Delay > MaxDelay:
		return fmt.Errorf("delay: %v is not within 0 and %v", j.Delay, MaxDelay)
	case j.MaxAttempts < 0 || j.MaxAttempts > MaxAttempts:
		return fmt.Errorf("maximum attempts: %d is not within 0 and %d", j.MaxAttempts, MaxAttempts)
	case j.Timeout < 0 || j.Timeout > MaxDelay:
		return fmt.Errorf("timeout: %v is not within 0 and %v", j.Timeout, MaxDelay)
	case j.Keep < 0 || j.Keep > MaxDelay:
		return fmt.Errorf("keep: %v is not within 0 and %v", j.Keep, MaxDelay)
	case j.ThenHandler != "" && j.Then == "":
		return fmt.Errorf("then's handler: there is no queue for it")
	}
	return nil
}

// start returns the job's ID, made if there is none, and its options.
func (j *New) start() (id string, o options) {
	o = options{
		MaxAttempts: j.MaxAttempts,
		Timeout:     ms(j.Timeout),
		Key:         j.Key,
		Keep:        ms(j.Keep),
		Then:        j.Then,
		ThenHandler: j.ThenHandler,
		Named:       j.ID != "",
	}
	if j.Delay > 0 { // its entry is made when it is due
		o.Enqueued = time.Now().UnixMilli()
	}
	if !j.Deadline.IsZero() {
		o.Deadline = max(j.Deadline.UnixMilli(), 1)
	}
	if j.ID == "" {
		return rand.Text(), o
	}
	return j.ID, o
}
