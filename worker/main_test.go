package main

import (
	"io"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestExitCodes(t *testing.T) {
	cases := []struct {
		name string
		args []string
		want int
	}{
		{"help was asked for", []string{"--help"}, 0},
		{"help of a command was asked for", []string{"serve", "--help"}, 0},
		{"no command", nil, 2},
		{"a bad value", []string{"serve", "--redis=nowhere"}, 2},
		{"an address that is not this machine's", []string{"serve", "--listen=192.0.2.1:8000"}, 1},
		{"the same for background", []string{"background", "--admin=192.0.2.1:8000"}, 1},
		{"a payload that is no JSON", []string{"enqueue", "noop", "nope"}, 2},
		{"no redis there", []string{"queues", "--redis=redis://127.0.0.1:1"}, 1},
		{"an input root that is not there", []string{"background", "--admin=127.0.0.1:0", "--input-root=/no/where"}, 1},
		{"a run of nothing", []string{"mapreduce", "--by=status"}, 2},
		{"no redis there for a run", []string{"mapreduce", "--input=a", "--redis=redis://127.0.0.1:1"}, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var stderr strings.Builder
			if got := run(c.args, nil, io.Discard, &stderr); got != c.want {
				t.Errorf("exit code is %d, want %d", got, c.want)
			}
			if said := stderr.String(); strings.Count(said, "\n") != min(c.want, 1) {
				t.Errorf("it says %q", said)
			}
		})
	}
}
