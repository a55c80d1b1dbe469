package verbs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// terminal reports whether out is one.
func terminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// printable is s for the eyes: what would not be seen, or would be obeyed by a terminal,
// is written as Go does, such as \n and \x1b.
func printable(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
		s = s[size:]
	}
	return b.String()
}

// object is v as JSON in one line. What a terminal might obey can be only within strings
// there, and is written as \u....
func object(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // it is made of what can be encoded
		panic(err)
	}
	var out []byte
	for _, r := range strings.TrimSuffix(b.String(), "\n") {
		switch {
		case unicode.IsPrint(r):
			out = utf8.AppendRune(out, r)
		default:
			for _, unit := range utf16.AppendRune(nil, r) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
		}
	}
	return out
}

// array prints a JSON array while its elements come, one a line. The writer keeps the
// first error.
type array struct {
	to io.Writer
	n  int
}

func (a *array) add(v any) {
	before := ",\n"
	if a.n == 0 {
		before = "["
	}
	a.n++
	_, _ = fmt.Fprintf(a.to, "%s%s", before, object(v))
}

func (a *array) end() {
	before := ""
	if a.n == 0 {
		before = "["
	}
	_, _ = fmt.Fprintln(a.to, before+"]")
}
