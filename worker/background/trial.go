package background

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"formation/worker/queue"
)

// Trial are handlers to try the queue with, and to measure it: noop; sleep, for {"ms": N};
// fail, with {"error": "…"} if given; echo, whose result is its payload; and exit, which
// calls exit, as a job that takes its worker down does.
func Trial(exit func()) []queue.Handler {
	return []queue.Handler{
		queue.Handle("noop", func(context.Context, queue.Job[struct{}]) error { return nil }),
		queue.Handle("sleep", sleep),
		queue.Handle("fail", fail),
		queue.HandleResult("echo", func(_ context.Context, j queue.Job[json.RawMessage]) (json.RawMessage, error) {
			return j.Payload, nil
		}),
		queue.Handle("exit", func(context.Context, queue.Job[struct{}]) error {
			exit()
			return nil
		}),
	}
}

type nap struct {
	MS int64 `json:"ms"`
}

func sleep(ctx context.Context, j queue.Job[nap]) error {
	const longest = int64(24 * time.Hour / time.Millisecond)
	if j.Payload.MS < 0 || j.Payload.MS > longest {
		return queue.Permanent(fmt.Errorf("ms: %d is not within 0 and %d", j.Payload.MS, longest))
	}
	if !idle(ctx, time.Duration(j.Payload.MS)*time.Millisecond) {
		return context.Cause(ctx)
	}
	return nil
}

func fail(_ context.Context, j queue.Job[json.RawMessage]) error {
	var wish struct {
		Error string `json:"error"`
	}
	_ = json.Unmarshal(j.Payload, &wish) // it fails either way
	if wish.Error == "" {
		wish.Error = "as it was asked to"
	}
	return errors.New(wish.Error)
}
