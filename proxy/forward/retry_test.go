package forward

import (
	"testing"
	"time"
)

func TestWhatFollowsATry(t *testing.T) {
	type step struct {
		outcome    outcome
		connecting time.Duration
		want       verdict
	}
	cases := []struct {
		name       string
		method     string
		replayable bool
		steps      []step
	}{
		{"a refused connection has cost nothing, whatever the method", "POST", true, []step{
			{connectFailed, 0, nextUntried}, {connectFailed, 0, nextUntried}, {connectFailed, 0, nextUntried},
			{connectFailed, 0, nextUntried}, {connectFailed, 0, nextUntried},
		}},
		{"until the time for connecting, all tries together, is spent", "GET", true, []step{
			{connectFailed, 600 * time.Millisecond, nextUntried}, {connectFailed, 500 * time.Millisecond, giveUp},
		}},
		{"a host that does not answer leaves time for others", "POST", true, []step{
			{connectTimeout, 500 * time.Millisecond, nextUntried}, {connectTimeout, 250 * time.Millisecond, nextUntried},
		}},
		{"a connect that took all the time is the last", "GET", true, []step{{connectTimeout, time.Second, giveUp}}},
		{"a body that is gone cannot be sent again, even where nothing arrived", "POST", false, []step{{connectFailed, 0, giveUp}}},
		{"a closed idle connection is replaced, on the same instance too", "POST", true, []step{
			{unsent, 0, anyInstance}, {unsent, 0, anyInstance}, {unsent, 0, anyInstance}, {unsent, 0, giveUp},
		}},
		{"an idempotent request that was sent is sent again, three times at most", "GET", true, []step{
			{broken, 0, otherIfAny}, {broken, 0, otherIfAny}, {broken, 0, otherIfAny}, {broken, 0, giveUp},
		}},
		{"connects refused in between do not count as sent", "DELETE", true, []step{
			{broken, 0, otherIfAny}, {connectFailed, 0, nextUntried}, {broken, 0, otherIfAny}, {broken, 0, otherIfAny}, {broken, 0, giveUp},
		}},
		{"a request that is not idempotent is sent once", "POST", true, []step{{broken, 0, giveUp}}},
		{"nor is one of an unknown method sent twice", "FROB", true, []step{{broken, 0, giveUp}}},
		{"an idempotent request whose body is gone is sent once", "PUT", false, []step{{broken, 0, giveUp}}},
		{"a slow instance is not made two", "GET", true, []step{{timeout, 0, giveUp}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := policy{idempotent: idempotent(c.method), connect: time.Second}
			for n, s := range c.steps {
				if got := p.next(s.outcome, s.connecting, func() bool { return c.replayable }); got != s.want {
					t.Fatalf("try %d %s: verdict %d, want %d", n+1, s.outcome, got, s.want)
				}
			}
		})
	}
}
