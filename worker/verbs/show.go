package verbs

import (
	"bufio"
	"encoding/json"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"formation/worker/config"
	"formation/worker/queue"
)

// failure is a failed job as it is printed.
type failure struct {
	ID       string `json:"id"`
	Handler  string `json:"handler"`
	Error    string `json:"error"`
	Attempts int    `json:"attempts"`
	Priority string `json:"priority"`
	Key      string `json:"key"`
	// Payload is JSON as it is, and other text a string.
	Payload any `json:"payload,omitempty"`
	// Base64 has it instead, if it is no text.
	Base64   []byte    `json:"payload_base64,omitempty"`
	Enqueued time.Time `json:"enqueued"`
	Failed   time.Time `json:"failed"`
	// Fields has the job's entry if it was written by hand, and is no job's.
	Fields []field `json:"fields,omitempty"`
}

// field is a field of an entry, whose value is text or not.
type field struct {
	Name   string  `json:"name"`
	Value  *string `json:"value,omitempty"`
	Base64 []byte  `json:"value_base64,omitempty"`
}

func view(job queue.Failed) failure {
	f := failure{
		ID: job.ID, Handler: job.Handler, Error: job.Error, Attempts: job.Attempts,
		Priority: job.Priority.String(), Key: job.Key, Enqueued: job.Enqueued.UTC(), Failed: job.FailedAt.UTC(),
	}
	switch {
	case !utf8.Valid(job.Payload):
		f.Base64 = job.Payload
	case json.Valid(job.Payload):
		f.Payload = json.RawMessage(job.Payload)
	default:
		f.Payload = string(job.Payload)
	}
	if job.Fault != nil {
		for pair := range slices.Chunk(job.Fields, 2) {
			one := field{Name: pair[0]}
			if utf8.ValidString(pair[1]) {
				one.Value = &pair[1]
			} else {
				one.Base64 = []byte(pair[1])
			}
			f.Fields = append(f.Fields, one)
		}
	}
	return f
}

// showFailed prints one failed job.
func (s session) showFailed(c config.ShowFailed) error {
	q, err := s.queue(c.Queue)
	if err != nil {
		return err
	}
	job, err := s.find(q, c.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		_, err := fmt.Fprintf(s.Out, "%s\n", object(view(job)))
		return err
	}
	out := bufio.NewWriter(s.Out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, value string) { fmt.Fprintf(table, "%s\t%s\n", name, printable(value)) }
	line("id", job.ID)
	line("handler", job.Handler)
	line("error", job.Error)
	line("attempts", fmt.Sprint(job.Attempts))
	line("priority", job.Priority.String())
	line("key", job.Key)
	line("enqueued", job.Enqueued.UTC().Format(time.RFC3339Nano))
	line("failed", job.FailedAt.UTC().Format(time.RFC3339Nano))
	line("payload", string(job.Payload))
	if job.Fault != nil {
		for pair := range slices.Chunk(job.Fields, 2) {
			line("field "+printable(pair[0]), pair[1])
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return out.Flush()
}
