// Package accesslog writes one line of JSON about each exchange. Its Writer takes the
// lines of everything that logs, so that none waits for the output and no line is torn.
package accesslog

import (
	"encoding/binary"
	"strconv"
	"sync"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"formation/proxy/record"
)

// Log is the access log.
type Log struct{ out *Writer }

// NewLog returns an access log that is written to w, among w's other lines.
func NewLog(w *Writer) *Log { return &Log{w} }

// Exchange writes down e. The line has e's fields by the names that operators read,
// always all of them, beside slog's time, level and msg:
//
//	time         when it ended: RFC 3339, UTC, microseconds
//	client       IP address
//	method       empty, as is path, when the request's head was not whole
//	path         and query, as they came
//	status       499: the client left before there was one
//	bytes_in     from the client, heads included
//	bytes_out    to the client, heads included
//	duration_ms  milliseconds with three decimals, from the request's head to the response's last byte
//	upstream_ms  of those, from sending the last try to the head of its response; 0.000: there was none
//	instance     ID of the last one tried; empty: none
//	tries        on instances
//	broken       true: it failed after bytes of it had been sent to an instance
//	request_id   kept or made
//
// The line is ASCII: other characters are escaped, and bytes that are no UTF-8 are
// read as Latin-1. It is dropped when it finds no room in the Writer, of which the last
// 32 KiB are left to lines that are not the access log's. One alone always finds room
// when its exchange's head was 128 KiB at most: a byte takes six when it is escaped.
func (l *Log) Exchange(e *record.Exchange) {
	u := used.Get().(*buffer)
	l.out.put(u.format(e, u.now()), size-reserve)
	used.Put(u)
}

// used are buffers to use again.
var used = sync.Pool{New: func() any { return &buffer{} }}

// buffer is where a line is put together. What the lines of one second begin with
// stays in it.
type buffer struct {
	line   []byte
	begin  int       // length of what stays
	second time.Time // which it is for
}

// now is the microsecond of the second that the line is for. Within a second it reads
// the monotonic clock alone, for half of what time.Now takes.
func (u *buffer) now() int {
	since := time.Since(u.second)
	if since >= time.Second {
		since = u.set(time.Now())
	}
	return int(since / time.Microsecond)
}

// set makes t's second the one that the line is for and returns what of it has passed.
func (u *buffer) set(t time.Time) time.Duration {
	since := time.Duration(t.Nanosecond())
	u.second = t.Add(-since)
	u.line = append(u.line[:0], `{"time":"`...)
	u.line = t.UTC().AppendFormat(u.line, "2006-01-02T15:04:05.")
	u.begin = len(u.line)
	return since
}

func (u *buffer) format(e *record.Exchange, us int) []byte {
	b := u.line[:u.begin]
	b = append3Digits(b, us/1000)
	b = append3Digits(b, us%1000)
	b = append(b, `Z","level":"INFO","msg":"exchange","client":"`...)
	b = appendText(b, []byte(e.Client))
	b = append(b, `","method":"`...)
	b = appendText(b, e.Method)
	b = append(b, `","path":"`...)
	b = appendText(b, e.Target)
	b = append(b, `","status":`...)
	b = strconv.AppendInt(b, int64(e.Status), 10)
	b = append(b, `,"bytes_in":`...)
	b = strconv.AppendInt(b, e.In, 10)
	b = append(b, `,"bytes_out":`...)
	b = strconv.AppendInt(b, e.Out, 10)
	b = append(b, `,"duration_ms":`...)
	b = appendMilliseconds(b, e.Took)
	b = append(b, `,"upstream_ms":`...)
	b = appendMilliseconds(b, e.Upstream)
	b = append(b, `,"instance":"`...)
	b = appendText(b, []byte(e.Instance))
	b = append(b, `","tries":`...)
	b = strconv.AppendInt(b, int64(e.Tries), 10)
	b = append(b, `,"broken":`...)
	b = strconv.AppendBool(b, e.Broken)
	b = append(b, `,"request_id":"`...)
	b = appendText(b, e.RequestID)
	b = append(b, "\"}\n"...)
	u.line = b
	return b
}

func appendMilliseconds(b []byte, d time.Duration) []byte {
	us := max(d.Microseconds(), 0)
	b = strconv.AppendInt(b, us/1000, 10)
	b = append(b, '.')
	return append3Digits(b, int(us%1000))
}

func append3Digits(b []byte, n int) []byte {
	return append(b, '0'+byte(n/100), '0'+byte(n/10%10), '0'+byte(n%10))
}

// appendText appends what stands between the quotes of a JSON string (RFC 8259, 7).
func appendText(b, text []byte) []byte {
	for {
		n := plain(text)
		b = append(b, text[:n]...)
		text = text[n:]
		if len(text) == 0 {
			return b
		}
		r, n := utf8.DecodeRune(text)
		if r == utf8.RuneError && n == 1 {
			r = rune(text[0])
		}
		if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
			b = appendEscape(b, high)
			r = low
		}
		b = appendEscape(b, r)
		text = text[n:]
	}
}

// plain is how many of the first bytes of text need no escape. It looks at eight at
// once where there are: most texts are plain all through.
func plain(text []byte) int {
	n := 0
	for ; len(text)-n >= 8; n += 8 {
		if !plain8(text[n:]) {
			break
		}
	}
	if rest := len(text) - n; rest < 8 && n > 0 && plain8(text[len(text)-8:]) {
		return len(text)
	}
	for ; n < len(text); n++ {
		if c := text[n]; c < ' ' || c >= 0x7F || c == '"' || c == '\\' {
			break
		}
	}
	return n
}

// plain8 reports whether none of the first eight bytes of text needs an escape.
func plain8(text []byte) bool {
	const each = 0x0101010101010101 // one in each of a word's eight bytes
	w := binary.LittleEndian.Uint64(text)
	quote, backslash := w^each*'"', w^each*'\\'
	escape := w | (w + each) | (w-each*' ')&^w | (quote-each)&^quote | (backslash-each)&^backslash
	return escape&(each*0x80) == 0
}

func appendEscape(b []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	return append(b, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}
