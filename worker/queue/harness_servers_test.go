//go:build servers

package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"formation/worker/redisclient"
	"formation/worker/redisclient/redistest"
)

// longLease does not run out by itself in a test: pass makes it.
const longLease = time.Hour

// newQueue is a queue on a Redis of its own.
func newQueue(t testing.TB) (*redistest.Server, *Queue) {
	t.Helper()
	server := redistest.New(t)
	return server, open(t, server, "test")
}

func open(t testing.TB, server *redistest.Server, name string) *Queue {
	t.Helper()
	u, err := redisclient.ParseURL("redis://" + server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	client := redisclient.Open(u, 10*time.Second, nil, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = client.Close() })
	q, err := Open(client.Client, name)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// need is for what has to succeed.
func need[T any](t testing.TB) func(v T, err error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func enqueue(t testing.TB, q *Queue, jobs ...New) []Receipt {
	t.Helper()
	return need[[]Receipt](t)(q.Enqueue(context.Background(), jobs...))
}

func claim(t testing.TB, c *Consumer, n int) []*Delivery {
	t.Helper()
	return need[Claimed](t)(c.Claim(context.Background(), n)).Jobs
}

// claimOne claims the one job that is there.
func claimOne(t testing.TB, c *Consumer) *Delivery {
	t.Helper()
	jobs := claim(t, c, 10)
	if len(jobs) != 1 {
		t.Fatalf("%d jobs are claimed, want one", len(jobs))
	}
	return jobs[0]
}

func reclaim(t testing.TB, c *Consumer, n int) []*Delivery {
	t.Helper()
	return need[[]*Delivery](t)(c.Reclaim(context.Background(), n))
}

// reclaimOne reclaims the one job whose lease has run out.
func reclaimOne(t testing.TB, c *Consumer) *Delivery {
	t.Helper()
	jobs := reclaim(t, c, 10)
	if len(jobs) != 1 {
		t.Fatalf("%d jobs are reclaimed, want one", len(jobs))
	}
	return jobs[0]
}

func stats(t testing.TB, q *Queue) Stats {
	t.Helper()
	return need[Stats](t)(q.Stats(context.Background()))
}

// do sends Redis a command as it is.
func do(t testing.TB, q *Queue, args ...any) any {
	t.Helper()
	reply, err := q.redis.Do(context.Background(), args...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		t.Fatalf("%v: %v", args, err)
	}
	return reply
}

// pass makes time pass for the queue while everybody who calls Reclaim goes on to do so:
// leases, delays and quiet workers grow older by d.
func pass(t testing.TB, q *Queue, d time.Duration) {
	t.Helper()
	for _, p := range pending(t, q, "") {
		ageLease(t, q, p, d)
	}
	if do(t, q, "HEXISTS", q.keys.state, "watched") == int64(1) {
		do(t, q, "HSET", q.keys.state, "watched", time.Now().UnixMilli())
	}
	for _, field := range []string{"since", "searched"} {
		if do(t, q, "HEXISTS", q.keys.state, field) == int64(1) {
			do(t, q, "HINCRBY", q.keys.state, field, -d.Milliseconds())
		}
	}
	for _, key := range []string{q.keys.delayed, q.keys.workers} {
		for _, member := range do(t, q, "ZRANGE", key, 0, -1).([]any) {
			do(t, q, "ZINCRBY", key, -d.Milliseconds(), member)
		}
	}
}

// owed is an entry in a lane's list of what is pending.
type owed struct {
	Place
	consumer  string
	idle      time.Duration
	delivered int64
}

// pending is all that a consumer owes; empty: all that anybody does.
func pending(t testing.TB, q *Queue, consumer string) []owed {
	t.Helper()
	var all []owed
	for n, lane := range q.keys.lanes {
		args := []any{"XPENDING", lane, group, "-", "+", 100_000}
		if consumer != "" {
			args = append(args, consumer)
		}
		list, err := q.redis.Do(context.Background(), args...).Slice()
		if err != nil && !strings.HasPrefix(err.Error(), "NOGROUP") {
			t.Fatal(err)
		}
		for _, item := range list {
			p := item.([]any)
			idle := p[2].(int64) * int64(time.Millisecond)
			all = append(all, owed{Place{n + 1, p[0].(string)}, p[1].(string), time.Duration(idle), p[3].(int64)})
		}
	}
	return all
}

func ageLease(t testing.TB, q *Queue, p owed, d time.Duration) {
	t.Helper()
	do(t, q, "XCLAIM", q.keys.lanes[p.lane-1], group, p.consumer, 0, p.entry, "IDLE", (p.idle + d).Milliseconds(), "JUSTID")
}

// ids are those of deliveries, in their order.
func ids(jobs []*Delivery) string {
	var all []string
	for _, d := range jobs {
		all = append(all, d.ID)
	}
	return strings.Join(all, " ")
}

// numbered are n jobs with IDs that begin with prefix and end in 1 to n.
func numbered(n int, prefix string, like New) []New {
	jobs := slices.Repeat([]New{like}, n)
	for i := range jobs {
		jobs[i].ID = prefix + strconv.Itoa(i+1)
	}
	return jobs
}

// is compares, and says what differs.
func is(t testing.TB, what string, got, want any) {
	t.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Errorf("%s: got %s, want %s", what, g, w)
	}
}
