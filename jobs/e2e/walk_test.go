//go:build servers

package e2e

import (
	"io"
	"net/http"
	"strconv"
	"testing"
)

// ask sends one request and reads the name and the number of the answer.
func ask(t *testing.T, e edge) (name string, n int) {
	t.Helper()
	res, err := http.Get(e.url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	m := greeting.FindSubmatch(text)
	if res.StatusCode != http.StatusOK || m == nil {
		t.Fatalf("got %s %q", res.Status, text)
	}
	n, _ = strconv.Atoi(string(m[2]))
	return string(m[1]), n
}

// The mission's own walk: one name; two that alternate; one again.
func TestTheWalk(t *testing.T) {
	e := all.web()
	e.awaitReady(t, 1)
	one, before := ask(t, e)
	for range 5 {
		name, n := ask(t, e)
		if name != one || n != before+1 {
			t.Fatalf("one worker, yet %s answered %d after %s had answered %d", name, n, one, before)
		}
		before = n
	}

	if err := all.scale("worker", 2); err != nil {
		t.Fatal(err)
	}
	all.awaitListed(t, "apps", 2)
	e.awaitReady(t, 2)
	last, before := ask(t, e)
	for range 20 {
		name, n := ask(t, e)
		if name == last || n != before+1 {
			t.Fatalf("two workers, yet %s answered %d after %s had answered %d", name, n, last, before)
		}
		last, before = name, n
	}

	if err := all.scale("worker", 1); err != nil {
		t.Fatal(err)
	}
	all.awaitListed(t, "apps", 1)
	e.awaitReady(t, 1)
	one, _ = ask(t, e)
	for range 5 {
		if name, _ := ask(t, e); name != one {
			t.Fatalf("scaled back to one worker, yet %s and %s answer", one, name)
		}
	}
}
