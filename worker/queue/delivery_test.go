package queue

import (
	"strings"
	"testing"
	"time"
)

func TestWhatIsNoJobSaysWhy(t *testing.T) {
	long := strings.Repeat("x", MaxPayload+1)
	for _, c := range []struct {
		want   string
		fields []string
	}{
		{"no handler", nil},
		{"no handler", []string{"handler", ""}},
		{"handler: ", []string{"handler", "a b"}},
		{"handler: ", []string{"handler", long}},
		{"ID: ", []string{"handler", "h", "id", "\xff"}},
		{"ID: ", []string{"handler", "h", "id", long}},
		{"payload: 1048577 bytes", []string{"handler", "h", "payload", long}},
		{`a field "Handler"`, []string{"handler", "h", "Handler", "h"}},
		{"a field", []string{"handler", "h", long, long}},
		{"options: ", []string{"handler", "h", "options", "{"}},
		{"key: ", []string{"handler", "h", "options", `{"key":"\u0000"}`}},
		{"then: ", []string{"handler", "h", "options", `{"then":"{}"}`}},
		{"then's handler: ", []string{"handler", "h", "options", `{"then_handler":"x"}`}},
		{"crashes: ", []string{"handler", "h", "crashes", "-1"}},
		{"crashes: ", []string{"handler", "h", "crashes", "inf"}},
		{"crashes: ", []string{"handler", "h", "crashes", "2147483648"}},
		{"job: ", []string{"job", ""}},
		{"job: ", []string{"job", "a\nh\n{}"}},
		{"handler", []string{"job", "a\n\n\n"}},
		{"options: ", []string{"job", "a\nh\n{\n}"}},
	} {
		d := delivery(2, "1000-1", c.fields, 1)
		if d.Fault == nil || !strings.Contains(d.Fault.Error(), c.want) || len(d.Fault.Error()) > 250 {
			t.Errorf("the fault is %v, want one about %s", d.Fault, c.want)
		}
	}
}

func TestAJobIsReadFromItsEntry(t *testing.T) {
	d := delivery(3, "1000-1", []string{"id", "a", "handler", "h", "payload", "p",
		"options", `{"max_attempts":4,"timeout":1500,"deadline":7000,"key":"k","keep":1,"attempts":2,"crashes":3}`, "entry", "500-1", "crashes", "4"}, 6)
	if d.Fault != nil || d.ID != "a" || d.Handler != "h" || d.Payload != "p" || d.Key != "k" || d.Timeout != 1500*time.Millisecond ||
		!d.Deadline.Equal(time.UnixMilli(7000)) || d.Attempt != 3 || d.Attempts != 4 || d.Crashes != 3+4+5 ||
		!d.Enqueued.Equal(time.UnixMilli(500)) || d.Plain() || d.Place() != (Place{3, "1000-1"}) {
		t.Errorf("got %+v", d)
	}
	d = delivery(2, "1000-1", []string{"handler", "h"}, 1)
	if d.Fault != nil || d.ID != "1000-1" || d.Attempt != 1 || d.Attempts != DefaultAttempts || !d.Enqueued.Equal(time.UnixMilli(1000)) || !d.Plain() || !d.Deadline.IsZero() {
		t.Errorf("by hand: got %+v", d)
	}
	for _, o := range []string{`{"key":"k"}`, `{"keep":1}`, `{"then":"q"}`, `{"named":true}`} {
		if d := delivery(2, "1-1", []string{"handler", "h", "options", o}, 1); d.Plain() {
			t.Errorf("with %s it leaves nothing behind", o)
		}
	}
}

func TestRepliesThatNoTransitionGives(t *testing.T) {
	none, fields := []any{}, []any{"handler", "h"}
	for _, reply := range []any{
		nil, "", int64(1), none, []any{none, none}, []any{none, none, none, none}, []any{none, none, nil}, []any{none, none, "1-1"},
		[]any{none, none, []any{"1-1"}}, []any{none, none, []any{"1-1", fields}}, []any{none, none, []any{int64(1), fields, int64(1)}},
		[]any{none, none, []any{"1-1", nil, int64(1)}}, []any{none, none, []any{"1-1", []any{int64(1)}, int64(1)}}, []any{none, none, []any{"1-1", fields, "1"}},
	} {
		if _, err := reclaimed(reply); err != errReply {
			t.Errorf("%v: error is %v", reply, err)
		}
	}
	all, err := reclaimed([]any{none, []any{"1-1", fields, int64(2)}, []any{"2-1", []any{"job", "a\nh\n\np"}, int64(1)}})
	if err != nil || len(all) != 2 || all[0].Crashes != 1 || all[0].lane != 2 || all[1].ID != "a" || all[1].Payload != "p" || all[1].lane != 3 {
		t.Errorf("got %v (%v)", all, err)
	}

	stream := func(entries any) any { return map[any]any{"lane": entries} }
	for _, reply := range []any{
		nil, "", int64(1), none, map[any]any{}, stream(nil), stream("1-1"), stream([]any{nil}), stream([]any{[]any{"1-1"}}),
		stream([]any{[]any{int64(1), fields}}), stream([]any{[]any{"1-1", nil}}), stream([]any{[]any{"1-1", []any{int64(1)}}}),
	} {
		if _, err := streamed(1, reply); err != errReply {
			t.Errorf("%v: error is %v", reply, err)
		}
	}
	entries := []any{[]any{"1-1", fields}, []any{"1-2", []any{"job", "a\nh\n\np"}}}
	for _, reply := range []any{stream(entries), []any{[]any{"lane", entries}}} {
		all, err := streamed(2, reply)
		if err != nil || len(all) != 2 || all[0].Handler != "h" || all[1].ID != "a" || all[1].Payload != "p" || all[1].lane != 2 {
			t.Errorf("got %v (%v)", all, err)
		}
	}
}

// FuzzDelivery reads what anybody may have written into an entry.
func FuzzDelivery(f *testing.F) {
	f.Add("id", "a", "handler", "h", "options", `{"key":"k"}`, int64(1))
	f.Add("payload", "{}", "handler", "h", "options", `{"max_attempts":3,"timeout":31622400000,"deadline":9223372036854775807,"keep":5,"then":"q","then_handler":"x"}`, int64(3))
	f.Add("handler", "h", "entry", "9223372036854775807", "crashes", "2147483647", int64(1))
	f.Add("job", "a\nh\n{\"key\":\"k\"}\np\n", "entry", "500-1", "crashes", "1", int64(1))
	f.Add("handler", "h", "handler", "", "options", `null`, int64(1))
	f.Add("failed-lane", "1", "", "", "options", `{"attempts":1000,"crashes":7,"enqueued":1,"named":true}`, int64(9))
	f.Fuzz(func(t *testing.T, a, av, b, bv, c, cv string, delivered int64) {
		delivered = 1 + max(0, delivered%1000)
		fields := []string{a, av, b, bv, c, cv}
		d := delivery(1, "1000-1", fields, delivered)
		if d.ID == "" || len(d.ID) > MaxName || checkText(d.ID) != nil {
			t.Errorf("the ID is %q", d.ID)
		}
		if d.Fault != nil {
			return
		}
		if d.Attempt < 1 || d.Attempts < 1 || d.Crashes < int(delivered)-1 || d.Timeout < 0 || d.options.Keep < 0 {
			t.Errorf("%q is %+v", fields, d)
		}
		j := New{ID: d.ID, Handler: d.Handler, Payload: []byte(d.Payload), MaxAttempts: d.Attempts, Timeout: d.Timeout, Deadline: d.Deadline,
			Key: d.Key, Keep: time.Duration(d.options.Keep) * time.Millisecond, Then: d.options.Then, ThenHandler: d.options.ThenHandler}
		if err := j.check(); err != nil {
			t.Errorf("%q cannot be enqueued: %v", fields, err)
		}
		// As Retry writes it, it is the same job.
		o := d.again(d.Attempt)
		again := delivery(1, "2000-1", []string{"job", wire(d.ID, d.Handler, o, d.Payload)}, 1)
		if again.Fault != nil || again.ID != d.ID || again.Handler != d.Handler || again.Payload != d.Payload || again.Key != d.Key || again.Timeout != d.Timeout || !again.Deadline.Equal(d.Deadline) ||
			!again.Enqueued.Equal(d.Enqueued) || again.Attempts != d.Attempts || again.Crashes != o.Crashes {
			t.Errorf("%+v is retried as %+v", d, again)
		}
	})
}
