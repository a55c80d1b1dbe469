package main

import (
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
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := run(c.args); got != c.want {
				t.Errorf("exit code is %d, want %d", got, c.want)
			}
		})
	}
}
