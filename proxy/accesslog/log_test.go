package accesslog

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"formation/proxy/record"
)

var example = record.Exchange{
	Client:    "192.0.2.17",
	Method:    []byte("GET"),
	Target:    []byte("/search?q=formation&page=2"),
	RequestID: []byte("5f0c2d1e9a7b4c38"),
	Status:    200,
	In:        412,
	Out:       1893,
	Took:      1234567 * time.Nanosecond,
	Upstream:  987 * time.Microsecond,
	Tries:     1,
	Instance:  "_nomad-task-f9dd504f-0000-0000-0000-000000000000-group-worker-apps-http",
}

func TestTheLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // its clock begins at 2000-01-01T00:00:00Z
		time.Sleep(83*time.Second + 42*time.Microsecond + 999)
		var out output
		w := New(&out)
		l := NewLog(w)
		l.Exchange(&example)
		l.Exchange(&record.Exchange{Client: "2001:db8::1", Status: 400, In: 3, Took: -1})
		l.Exchange(&record.Exchange{Method: []byte("POST"), Status: 502, Took: 61 * time.Second, Tries: 3, Broken: true})
		closed(t, w)
		want := `{"time":"2000-01-01T00:01:23.000042Z","level":"INFO","msg":"exchange","client":"192.0.2.17","method":"GET","path":"/search?q=formation&page=2","status":200,"bytes_in":412,"bytes_out":1893,"duration_ms":1.234,"upstream_ms":0.987,"instance":"_nomad-task-f9dd504f-0000-0000-0000-000000000000-group-worker-apps-http","tries":1,"broken":false,"request_id":"5f0c2d1e9a7b4c38"}
{"time":"2000-01-01T00:01:23.000042Z","level":"INFO","msg":"exchange","client":"2001:db8::1","method":"","path":"","status":400,"bytes_in":3,"bytes_out":0,"duration_ms":0.000,"upstream_ms":0.000,"instance":"","tries":0,"broken":false,"request_id":""}
{"time":"2000-01-01T00:01:23.000042Z","level":"INFO","msg":"exchange","client":"","method":"POST","path":"","status":502,"bytes_in":0,"bytes_out":0,"duration_ms":61000.000,"upstream_ms":0.000,"instance":"","tries":3,"broken":true,"request_id":""}
`
		if got := out.text(); got != want {
			t.Errorf("it wrote\n%swant\n%s", got, want)
		}
	})
}

func TestTheTimeOfALine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var u buffer
		start := time.Now()
		for _, passed := range []time.Duration{0, 1, 999, 1000, 999_999_999, 1_000_000_000, 1_000_000_001, 1_999_999_999, time.Hour - 1, 72 * time.Hour} {
			time.Sleep(passed - time.Since(start))
			want := fmt.Sprintf(`{"time":"%s"`, time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"))
			if line := string(u.format(&example, u.now())); !strings.HasPrefix(line, want) {
				t.Errorf("after %v: %s, want %s", passed, line, want)
			}
		}
	})
}

func TestEscapes(t *testing.T) {
	for text, want := range map[string]string{
		"/a\"b\\c":                  `/a\u0022b\u005cc`,
		"\x00\n\x1f\x7f":            `\u0000\u000a\u001f\u007f`,
		"/\xc3\xa9":                 `/\u00e9`,
		"/\xe9\xff":                 `/\u00e9\u00ff`,
		"\u2028\ufffd":              `\u2028\ufffd`,
		"\U0001f600":                `\ud83d\ude00`,
		"\xed\xa0\x80":              `\u00ed\u00a0\u0080`, // half a surrogate pair is no UTF-8
		"<&>'/ no escape is needed": `<&>'/ no escape is needed`,
	} {
		if got := string(appendText(nil, []byte(text))); got != want {
			t.Errorf("%q became %s, want %s", text, got, want)
		}
	}
}

func TestALineThatIsTooLongIsDropped(t *testing.T) {
	var out output
	w := New(&out)
	l := NewLog(w)
	l.Exchange(&record.Exchange{Target: []byte(strings.Repeat("x", size))})
	l.Exchange(&example)
	closed(t, w)
	dropped(t, w, 1)
	if got := strings.Count(out.text(), "\n"); got != 1 {
		t.Errorf("%d lines were written, want 1", got)
	}
}

// FuzzLine has every line be JSON on one line, with the values it was made of.
func FuzzLine(f *testing.F) {
	f.Fuzz(func(t *testing.T, client string, method, target, requestID []byte, instance string, status, tries int, in, out, took, upstream, end int64, broken bool) {
		e := record.Exchange{
			Client: client, Method: method, Target: target, RequestID: requestID, Status: status, In: in, Out: out,
			Took: time.Duration(took), Upstream: time.Duration(upstream), Tries: tries, Instance: instance, Broken: broken,
		}
		at := time.Unix(int64(uint64(end)%(1<<37)), 0).Add(time.Duration(uint64(took) % 1e9)) // up to the year 6325
		var u buffer
		us := int(u.set(at) / time.Microsecond)
		first := string(u.format(&e, us))
		line := string(u.format(&e, us)) // with what the first left
		if line != first {
			t.Errorf("the same became %q and %q", first, line)
		}
		if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
			t.Errorf("not one line: %q", line)
		}
		if strings.IndexFunc(line[:len(line)-1], func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
			t.Errorf("not printable ASCII: %q", line)
		}
		type fields struct {
			Time                             time.Time
			Level, Msg, Client, Method, Path string
			Status                           int
			BytesIn                          int64       `json:"bytes_in"`
			BytesOut                         int64       `json:"bytes_out"`
			Duration                         json.Number `json:"duration_ms"`
			Upstream                         json.Number `json:"upstream_ms"`
			Instance                         string
			Tries                            int
			Broken                           bool
			RequestID                        string `json:"request_id"`
		}
		var got fields
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		want := fields{
			Time: at.UTC().Truncate(time.Microsecond), Level: "INFO", Msg: "exchange",
			Client: decoded([]byte(client)), Method: decoded(method), Path: decoded(target), Status: status,
			BytesIn: in, BytesOut: out, Duration: milliseconds(took), Upstream: milliseconds(upstream),
			Instance: decoded([]byte(instance)), Tries: tries, Broken: broken, RequestID: decoded(requestID),
		}
		if got != want {
			t.Errorf("%q has\n%+v, want\n%+v", line, got, want)
		}
	})
}

// decoded is text with bytes that are no UTF-8 read as Latin-1.
func decoded(text []byte) string {
	var s strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r == utf8.RuneError && n == 1 {
			r = rune(text[0])
		}
		s.WriteRune(r)
		text = text[n:]
	}
	return s.String()
}

func milliseconds(ns int64) json.Number {
	us := max(ns, 0) / 1000
	return json.Number(fmt.Sprintf("%d.%03d", us/1000, us%1000))
}

func BenchmarkExchange(b *testing.B) {
	bench := func(b *testing.B, run func(*Log)) {
		w := New(&discard{})
		b.ReportAllocs()
		run(NewLog(w))
		b.StopTimer()
		if err := w.Close(b.Context()); err != nil {
			b.Error(err)
		}
		b.ReportMetric(float64(w.Dropped())/float64(b.N), "dropped/op")
	}
	b.Run("serial", func(b *testing.B) {
		bench(b, func(l *Log) {
			e := example
			for b.Loop() {
				l.Exchange(&e)
			}
		})
	})
	b.Run("parallel", func(b *testing.B) {
		bench(b, func(l *Log) {
			b.RunParallel(func(pb *testing.PB) {
				e := example
				for pb.Next() {
					l.Exchange(&e)
				}
			})
		})
	})
}
