package verbs

import (
	"bufio"
	"io"

	"formation/worker/queue"
)

// receipts prints what became of jobs.
type receipts struct {
	to    *bufio.Writer
	array *array // nil: lines of IDs
	ids   bool
}

func newReceipts(out io.Writer, json, ids bool) *receipts {
	r := &receipts{to: bufio.NewWriter(out), ids: ids}
	if json {
		r.array = &array{to: r.to}
	}
	return r
}

// add prints a batch's, so that they are out before the next is enqueued.
func (r *receipts) add(batch []queue.Receipt) error {
	for _, receipt := range batch {
		switch {
		case r.array != nil:
			r.array.add(struct {
				ID        string `json:"id"`
				Duplicate bool   `json:"duplicate"`
			}(receipt))
		case r.ids:
			_, _ = r.to.WriteString(receipt.ID + "\n") // Flush has its error
		}
	}
	return r.to.Flush()
}

// end ends what was begun.
func (r *receipts) end() error {
	if r.array != nil {
		r.array.end()
	}
	return r.to.Flush()
}
