package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

type size struct{ Width int }

func TestPayloadsAndResultsAreJSON(t *testing.T) {
	echo := func(_ context.Context, j Job[any]) (any, error) { return j.Payload, nil }
	double := func(_ context.Context, j Job[size]) (size, error) { return size{2 * j.Payload.Width}, nil }
	raw := func(_ context.Context, j Job[json.RawMessage]) (json.RawMessage, error) { return j.Payload, nil }
	bytes := func(_ context.Context, j Job[[]byte]) ([]byte, error) { return j.Payload, nil }
	empty := func(context.Context, Job[struct{}]) error { return nil }
	for _, c := range []struct {
		name, payload, result string
		handler               Handler
	}{
		{"a struct", `{"Width":2}`, `{"Width":4}`, HandleResult("h", double)},
		{"any JSON", `[1,null]`, `[1,null]`, HandleResult("h", echo)},
		{"raw JSON", "no JSON", "no JSON", HandleResult("h", raw)},
		{"bytes", "\x00\xff", "\x00\xff", HandleResult("h", bytes)},
		{"nothing", "no JSON", "", Handle("h", empty)},
		{"the largest", strings.Repeat("x", MaxPayload), strings.Repeat("x", MaxPayload), HandleResult("h", bytes)},
	} {
		result, err := c.handler.Run(t.Context(), &Delivery{ID: "a", Payload: c.payload})
		if err != nil || string(result) != c.result || c.handler.Name() != "h" {
			t.Errorf("%s: result is %.20q (%v)", c.name, result, err)
		}
	}
}

func TestAHandlerGetsTheJob(t *testing.T) {
	var got Job[struct{}]
	h := Handle("h", func(_ context.Context, j Job[struct{}]) error {
		got = j
		return nil
	})
	for _, c := range []struct{ key, want string }{{"k", "k"}, {"", "a"}} {
		if _, err := h.Run(t.Context(), &Delivery{ID: "a", Key: c.key, Attempt: 2, Attempts: 3}); err != nil {
			t.Fatal(err)
		}
		if want := (Job[struct{}]{ID: "a", Key: c.want, Attempt: 2, Attempts: 3}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

func TestWhatTryingAgainDoesNotHelpIsPermanent(t *testing.T) {
	broken := errors.New("broken")
	fails := func(err error) Handler {
		return Handle("h", func(context.Context, Job[size]) error { return err })
	}
	large := HandleResult("h", func(context.Context, Job[size]) (string, error) { return strings.Repeat("x", MaxPayload), nil })
	for _, c := range []struct {
		name, payload, want string
		permanent           bool
		handler             Handler
	}{
		{"an error", "{}", "broken", false, fails(broken)},
		{"a permanent one", "{}", "broken", true, fails(Permanent(broken))},
		{"one that wraps it", "{}", "really: broken", true, fails(fmt.Errorf("really: %w", Permanent(broken)))},
		{"a payload that does not decode", "{", "payload: ", true, fails(nil)},
		{"none, which is a zero one", "", "broken", false, fails(broken)},
		{"one of another type", `{"Width":"x"}`, "payload: ", true, fails(nil)},
		{"a result that is too large", "{}", "result: 1048578 bytes", true, large},
	} {
		_, err := c.handler.Run(t.Context(), &Delivery{Payload: c.payload})
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || IsPermanent(err) != c.permanent {
			t.Errorf("%s: error is %v, permanent %v", c.name, err, IsPermanent(err))
		}
	}
	if _, err := fails(Permanent(broken)).Run(t.Context(), &Delivery{Payload: "{}"}); !errors.Is(err, broken) {
		t.Errorf("%v does not wrap its cause", err)
	}
	if Permanent(nil) != nil || IsPermanent(nil) {
		t.Error("no error is one")
	}
}
