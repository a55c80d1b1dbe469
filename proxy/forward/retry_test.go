package forward

import (
	"testing"
	"time"

	"formation/proxy/record"
)

func TestWhatFollowsATry(t *testing.T) {
	type step struct {
		outcome    record.Outcome
		connecting time.Duration
		want       verdict
	}
	cases := []struct {
		name       string
		idempotent bool
		replayable bool
		steps      []step
	}{
		{"a refused connection has cost nothing, whatever the method", false, true, []step{
			{record.ConnectFailed, 0, nextUntried}, {record.ConnectFailed, 0, nextUntried}, {record.ConnectFailed, 0, nextUntried},
			{record.ConnectFailed, 0, nextUntried}, {record.ConnectFailed, 0, nextUntried},
		}},
		{"until the time for connecting, all tries together, is spent", true, true, []step{
			{record.ConnectFailed, 600 * time.Millisecond, nextUntried}, {record.ConnectFailed, 500 * time.Millisecond, giveUp},
		}},
		{"a host that does not answer leaves time for others", false, true, []step{
			{record.ConnectTimeout, 500 * time.Millisecond, nextUntried}, {record.ConnectTimeout, 250 * time.Millisecond, nextUntried},
		}},
		{"a connect that took all the time is the last", true, true, []step{{record.ConnectTimeout, time.Second, giveUp}}},
		{"a body that is gone cannot be sent again, even where nothing arrived", false, false, []step{{record.ConnectFailed, 0, giveUp}}},
		{"a closed idle connection is replaced, on the same instance too", false, true, []step{
			{record.Unsent, 0, anyInstance}, {record.Unsent, 0, anyInstance}, {record.Unsent, 0, anyInstance}, {record.Unsent, 0, giveUp},
		}},
		{"an idempotent request that was sent is sent again, three times at most", true, true, []step{
			{record.Broken, 0, otherIfAny}, {record.Broken, 0, otherIfAny}, {record.Broken, 0, otherIfAny}, {record.Broken, 0, giveUp},
		}},
		{"connects refused in between do not count as sent", true, true, []step{
			{record.Broken, 0, otherIfAny}, {record.ConnectFailed, 0, nextUntried}, {record.Broken, 0, otherIfAny}, {record.Broken, 0, otherIfAny}, {record.Broken, 0, giveUp},
		}},
		{"a request that is not idempotent is sent once", false, true, []step{{record.Broken, 0, giveUp}}},
		{"an idempotent request whose body is gone is sent once", true, false, []step{{record.Broken, 0, giveUp}}},
		{"a slow instance is not made two", true, true, []step{{record.Timeout, 0, giveUp}}},
		{"an answer that is not HTTP will not be better elsewhere", true, true, []step{{record.Malformed, 0, giveUp}}},
		{"what the client has ended is over", true, true, []step{{record.Aborted, 0, giveUp}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := policy{idempotent: c.idempotent, connect: time.Second}
			for n, s := range c.steps {
				if got := p.next(s.outcome, s.connecting, c.replayable); got != s.want {
					t.Fatalf("try %d %s: verdict %d, want %d", n+1, s.outcome, got, s.want)
				}
			}
		})
	}
}
