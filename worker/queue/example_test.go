package queue_test

import (
	"context"
	"errors"
	"fmt"

	"formation/worker/queue"
)

// A handler gets its payload as the type that it asks for. The worker that has the
// handler runs it; here it is run by hand.
func ExampleHandle() {
	type image struct {
		URL   string
		Width int
	}
	thumbnail := queue.Handle("thumbnail", func(_ context.Context, job queue.Job[image]) error {
		if job.Payload.Width == 0 {
			return queue.Permanent(errors.New("an image without a width"))
		}
		fmt.Printf("%s: %s, %d wide, attempt %d\n", job.ID, job.Payload.URL, job.Payload.Width, job.Attempt)
		return nil
	})

	for _, payload := range []string{`{"url": "a.png", "width": 64}`, `{"url": "b.png"}`} {
		_, err := thumbnail.Run(context.Background(), &queue.Delivery{ID: "job-1", Handler: "thumbnail", Payload: payload, Attempt: 1})
		fmt.Println(err, queue.IsPermanent(err))
	}
	// Output:
	// job-1: a.png, 64 wide, attempt 1
	// <nil> false
	// an image without a width true
}
