package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Job is a job as its handler gets it.
type Job[T any] struct {
	ID      string
	Payload T
	// Key is the same whenever this job's work is done, also when it is done again after
	// a worker died or an answer was lost: what the handler does elsewhere should happen
	// once for it. It is the key that the job was enqueued with, or else its ID.
	Key      string
	Attempt  int // this one, from 1
	Attempts int // how many the job has
}

// Handler does the jobs that have its name.
type Handler struct {
	name string
	run  func(context.Context, *Delivery) ([]byte, error)
}

// Name is the handler's name.
func (h Handler) Name() string { return h.name }

// Run does one job, and returns its result.
func (h Handler) Run(ctx context.Context, d *Delivery) ([]byte, error) { return h.run(ctx, d) }

// Handle makes a handler that does jobs whose payload is T as JSON; a [json.RawMessage]
// or []byte takes any payload as it is. A job without a payload has the zero T. When do returns an error, the job is tried again
// later, unless the error is [Permanent]. The context ends with the job's timeout and
// deadline, and when the worker has to end.
func Handle[T any](name string, do func(context.Context, Job[T]) error) Handler {
	return HandleResult(name, func(ctx context.Context, j Job[T]) (json.RawMessage, error) { return nil, do(ctx, j) })
}

// HandleResult is Handle for jobs with a result, which is written as JSON; a
// [json.RawMessage] or []byte is taken as it is.
func HandleResult[T, R any](name string, do func(context.Context, Job[T]) (R, error)) Handler {
	return Handler{name, func(ctx context.Context, d *Delivery) ([]byte, error) {
		j := Job[T]{ID: d.ID, Key: d.Key, Attempt: d.Attempt, Attempts: d.Attempts}
		if j.Key == "" {
			j.Key = d.ID
		}
		if err := unmarshal(d.Payload, &j.Payload); err != nil {
			return nil, Permanent(fmt.Errorf("payload: %w", err))
		}
		r, err := do(ctx, j)
		if err != nil {
			return nil, err
		}
		return marshal(r)
	}}
}

func unmarshal(payload string, to any) error {
	switch to := to.(type) {
	case *json.RawMessage:
		*to = []byte(payload)
	case *[]byte:
		*to = []byte(payload)
	case *struct{}: // nothing is asked of it
	default:
		if payload != "" {
			return json.Unmarshal([]byte(payload), to)
		}
	}
	return nil
}

func marshal(result any) ([]byte, error) {
	var b []byte
	var err error
	switch r := result.(type) {
	case json.RawMessage:
		b = r
	case []byte:
		b = r
	default:
		b, err = json.Marshal(r)
	}
	if err == nil && len(b) > MaxPayload {
		err = Permanent(fmt.Errorf("result: %d bytes, more than %d", len(b), MaxPayload))
	}
	return b, err
}

// permanent is an error that trying again does not help.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent says of a handler's error that trying again does not help: the job goes to the
// failed queue at once. Of no error it makes none.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

// IsPermanent reports whether an error is, or wraps, a Permanent one.
func IsPermanent(err error) bool {
	var p permanent
	return errors.As(err, &p)
}
