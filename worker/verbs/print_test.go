package verbs

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"formation/worker/queue"
)

func TestPrintable(t *testing.T) {
	for s, want := range map[string]string{
		"":                           "",
		"plain, größer, 日本, 😀":       "plain, größer, 日本, 😀",
		"a\nb\tc\r":                  `a\nb\tc\r`,
		"\x1b[2Jgone":                `\x1b[2Jgone`,
		"\u009b31m":                  `\u009b31m`,
		"\x7f\x00":                   `\x7f\x00`,
		"a\xff\xfeb":                 `a\xff\xfeb`,
		"\u202egnp.exe":              `\u202egnp.exe`,
		"\U000e0041":                 `\U000e0041`,
		`it's "quoted" \ as it was`:  `it's "quoted" \ as it was`,
		"\ufffd is a rune like any":  "\ufffd is a rune like any",
		"a\u2028b\u00a0c\u00adsoft-": `a\u2028b\u00a0c\u00adsoft-`,
	} {
		if got := printable(s); got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
}

func TestAnObjectIsTheSameAndPrintable(t *testing.T) {
	for _, s := range []string{"plain <&>", "\x1b[2J", "\u009b31m", "\x7f", "\u202e", "\U000e0041", "\u2028", "a\nb"} {
		got := object(map[string]any{"text": s, "raw": json.RawMessage(`{"inner":"` + "\u009b\x7f" + `"}`)})
		if strings.ContainsFunc(string(got), func(r rune) bool { return r < ' ' || r >= 0x7f }) {
			t.Errorf("%q: %q", s, got)
		}
		var back map[string]any
		if err := json.Unmarshal(got, &back); err != nil {
			t.Errorf("%q: %v", s, err)
		}
		if want := map[string]any{"text": s, "raw": map[string]any{"inner": "\u009b\x7f"}}; !reflect.DeepEqual(back, want) {
			t.Errorf("%q: %v, want %v", s, back, want)
		}
	}
	if got := string(object(map[string]string{"a": "größer <b>"})); got != `{"a":"größer <b>"}` {
		t.Errorf("got %s", got)
	}
}

func TestAFailedJobAsJSON(t *testing.T) {
	at := time.Date(2030, 1, 2, 4, 4, 5, 678e6, time.FixedZone("", 3600))
	const rest = `,"enqueued":"2030-01-02T03:04:05.678Z","failed":"2030-01-02T03:04:06.678Z"`
	for payload, want := range map[string]string{
		`{"a": [1, "<"]}`: `"payload":{"a":[1,"<"]}`,
		`null`:            `"payload":null`,
		`plain`:           `"payload":"plain"`,
		``:                `"payload":""`,
		"\xff\xfe":        `"payload_base64":"//4="`,
	} {
		job := queue.Failed{ID: "i", Handler: "h", Error: "e", Attempts: 3, Payload: []byte(payload), Priority: queue.High, Key: "k",
			Enqueued: at, FailedAt: at.Add(time.Second), Fields: []string{"job", "i\nh\n\n" + payload, "entry", "1-1", "crashes", "1"}}
		want = `{"id":"i","handler":"h","error":"e","attempts":3,"priority":"high","key":"k",` + want + rest + `}`
		if got := string(object(view(job))); got != want {
			t.Errorf("%q: %s, want %s", payload, got, want)
		}
	}
	byHand := queue.Failed{ID: "1-1", Enqueued: at, FailedAt: at.Add(time.Second), Fault: errors.New("it is none"), Fields: []string{"task", "run", "raw", "\xff"}}
	want := `{"id":"1-1","handler":"","error":"","attempts":0,"priority":"normal","key":"","payload":""` + rest +
		`,"fields":[{"name":"task","value":"run"},{"name":"raw","value_base64":"/w=="}]}`
	if got := string(object(view(byHand))); got != want {
		t.Errorf("by hand: %s, want %s", got, want)
	}
}
