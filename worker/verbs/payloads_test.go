package verbs

import (
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"formation/worker/queue"
)

// collect returns the batches' payloads, and the error that ended them.
func collect(batches iter.Seq2[[][]byte, error]) (all [][]string, end error) {
	for batch, err := range batches {
		if err != nil {
			return all, err
		}
		var some []string
		for _, payload := range batch {
			some = append(some, string(payload))
		}
		all = append(all, some)
	}
	return all, nil
}

func TestLines(t *testing.T) {
	largest := `"` + strings.Repeat("a", queue.MaxPayload-2) + `"`
	cases := []struct {
		name string
		in   string
		one  bool
		want [][]string
		err  string
	}{
		{name: "none", in: ""},
		{name: "one that does not end", in: "1", want: [][]string{{"1"}}},
		{name: "some", in: "1\n{\"a\": \"b\"}\nnull\n", want: [][]string{{"1", `{"a": "b"}`, "null"}}},
		{name: "of Windows", in: "1\r\n2\r\n", want: [][]string{{"1", "2"}}},
		{name: "spaces around", in: " 1\t\n", want: [][]string{{"1"}}},
		{name: "the largest", in: largest + "\n", want: [][]string{{largest}}},
		{name: "an empty one", in: "1\n\n3\n", err: "standard input, line 2: it is empty"},
		{name: "one that is no JSON", in: "1\n2\nnope\n", err: "standard input, line 3: it is not JSON"},
		{name: "two on one", in: "1 2\n", err: "standard input, line 1: it is not JSON"},
		{name: "one on two", in: "{\n}\n", err: "standard input, line 1: it is not JSON"},
		{name: "one that is not UTF-8", in: "\"\xff\"\n", err: "standard input, line 1: it is not UTF-8"},
		{name: "one that is too large", in: "1" + largest + "\n", err: "standard input, line 1: 1048577 bytes, more than 1048576"},
		{name: "one that is far too large", in: "1\n" + largest + largest, err: "standard input, line 2: more than 1048576 bytes"},
		{name: "the only one", in: "1\n", one: true, want: [][]string{{"1"}}},
		{name: "more than one", in: "1\n2\n", one: true, err: "standard input, line 2: with --id or --key there can be only one"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := collect(lines(strings.NewReader(c.in), c.one))
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("batches are %.200q, want %.200q", got, c.want)
			}
			if said := fmt.Sprint(err); err == nil && c.err != "" || err != nil && (c.err == "" || !strings.HasPrefix(said, c.err)) {
				t.Errorf("error is %.200q, want %q", said, c.err)
			}
		})
	}
}

func TestBatchesAreBounded(t *testing.T) {
	sizes := func(batches iter.Seq2[[][]byte, error]) (sizes []int) {
		all, err := collect(batches)
		if err != nil {
			t.Error(err)
		}
		for _, batch := range all {
			sizes = append(sizes, len(batch))
		}
		return sizes
	}
	large := `"` + strings.Repeat("a", queue.MaxPayload-2) + `"`
	if got, want := sizes(lines(strings.NewReader(strings.Repeat("1\n", 2500)), false)), []int{1000, 1000, 500}; !slices.Equal(got, want) {
		t.Errorf("lines: %v, want %v", got, want)
	}
	if got, want := sizes(repeat([]byte("1"), 2500)), []int{1000, 1000, 500}; !slices.Equal(got, want) {
		t.Errorf("repeated: %v, want %v", got, want)
	}
	if got, want := sizes(repeat([]byte(large), 6)), []int{4, 2}; !slices.Equal(got, want) {
		t.Errorf("large ones repeated: %v, want %v", got, want)
	}
}

func TestALineDoesNotWaitForTheNext(t *testing.T) {
	in, from := io.Pipe()
	defer in.Close()
	next, stop := iter.Pull2(lines(in, false))
	defer stop()
	for n := range 3 {
		go func() { _, _ = fmt.Fprintln(from, n) }()
		batch, err, ok := next()
		if !ok || err != nil || len(batch) != 1 || string(batch[0]) != fmt.Sprint(n) {
			t.Fatalf("got %q, %v, %v", batch, err, ok)
		}
	}
	_ = from.CloseWithError(io.ErrUnexpectedEOF)
	if _, err, _ := next(); err == nil || !strings.Contains(err.Error(), "line 4: unexpected EOF") {
		t.Errorf("error is %v", err)
	}
}

func TestWhatIsRead(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	file, err := os.Create(filepath.Join(t.TempDir(), "payloads"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	closed, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	for name, c := range map[string]struct {
		in   io.Reader
		want bool
	}{
		"nothing": {nil, false}, "a pipe": {r, true}, "a file": {file, true}, "/dev/null": {null, false}, "what is closed": {closed, false},
	} {
		if got := piped(c.in); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
