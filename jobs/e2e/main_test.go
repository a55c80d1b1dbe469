//go:build servers

package e2e

import (
	"fmt"
	"os"
	"testing"
)

// all is the one cluster that the tests share. They run one after the other, and
// each leaves it with redis, web, one worker and one background running.
var all *cluster

func TestMain(m *testing.M) {
	c, err := startCluster()
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		if c != nil {
			c.stop()
		}
		os.Exit(1)
	}
	all = c
	code := m.Run()
	c.stop()
	os.Exit(code)
}
