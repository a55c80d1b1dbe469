//go:build servers

package queue

import (
	"bufio"
	"io"
	"net"
	"testing"
)

// TestAJobIsEnqueuedByOneCommandInAnyLanguage sends the command of the package's comment,
// byte by byte: Redis takes a plain line too.
func TestAJobIsEnqueuedByOneCommandInAnyLanguage(t *testing.T) {
	server, q := newQueue(t)
	conn, err := net.Dial("tcp", server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, `XADD 'queue:{test}:normal' '*' handler thumbnail payload '{"width": 64}'`+"\r\n"); err != nil {
		t.Fatal(err)
	}
	if answer, err := bufio.NewReader(conn).ReadString('\n'); err != nil || answer[0] != '$' {
		t.Fatalf("Redis answers %q (%v)", answer, err)
	}
	is(t, "waiting", stats(t, q).Waiting, 1)
	c := q.Consumer("c", longLease)
	d := claimOne(t, c)
	is(t, "the job", []any{d.ID, d.Handler, d.Payload, d.Attempts, d.Fault, d.Plain()},
		[]any{d.entry, "thumbnail", `{"width": 64}`, DefaultAttempts, nil, true})
	need[bool](t)(c.Retry(t.Context(), d, 0))
	again := claimOne(t, c)
	is(t, "again", []any{again.ID, again.Attempt}, []any{d.ID, 2})
	is(t, "done", need[int64](t)(c.Acknowledge(t.Context(), []*Delivery{again})), 1)
}

func TestAKeyThatSomebodyWroteByHandFreesNobodyElses(t *testing.T) {
	_, q := newQueue(t)
	c := q.Consumer("c", longLease)
	enqueue(t, q, New{ID: "a", Handler: "h", Key: "k", Priority: Low})
	for range 2 {
		do(t, q, "XADD", q.keys.lanes[1], "*", "handler", "h", "options", `{"key":"k"}`)
	}
	jobs := claim(t, c, 2)
	need[bool](t)(c.Complete(t.Context(), jobs[0], nil))
	need[bool](t)(c.Fail(t.Context(), jobs[1], "broken", 1))
	is(t, "another job of the key", enqueue(t, q, New{Handler: "h", Key: "k"})[0], Receipt{"a", true})
}

func TestFailedJobsOfOneIDThatSomebodyWroteByHandAreToldApart(t *testing.T) {
	_, q := newQueue(t)
	c := q.Consumer("c", longLease)
	for range 3 {
		do(t, q, "XADD", q.keys.lanes[1], "*", "id", "a", "handler", "h")
		need[bool](t)(c.Fail(t.Context(), claimOne(t, c), "broken", 1))
	}
	all := need[[]Failed](t)(q.Failed(t.Context(), "", 10))
	is(t, "discarded", need[int64](t)(q.Discard(t.Context(), all[0])), 1)
	is(t, "tried again", need[bool](t)(q.RetryFailed(t.Context(), all[1])), true)
	is(t, "the last", find(t, q, "a"), all[2])
}
