package discovery

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Static is the [Source] of a fixed list, for benchmarks and first tries. It is made
// by [ParseStatic].
type Static struct{ instances []Instance }

// ParseStatic reads "host:port,host:port": at least one entry, at most
// [MaxInstances], none twice. Its instances are ready and alive, with weight 1. An
// error names the entry.
func ParseStatic(list string) (Static, error) {
	if list == "" {
		return Static{}, fmt.Errorf("the list of instances is empty")
	}
	if strings.Count(list, ",") >= MaxInstances {
		return Static{}, errTooMany
	}
	var listed []listing
	seen := make(map[string]bool)
	for entry := range strings.SplitSeq(list, ",") {
		addr, err := parseAddr(entry)
		if err != nil {
			return Static{}, fmt.Errorf("instance %q: %w", entry, err)
		}
		if seen[addr] {
			return Static{}, fmt.Errorf("instance %q is listed twice", entry)
		}
		seen[addr] = true
		listed = append(listed, atAddr(addr, 1))
	}
	keep := keeper{listed: listed}
	return Static{keep.instances()}, nil
}

// Run implements [Source]: it publishes the list and waits for the context's end.
func (s Static) Run(ctx context.Context, publish func(Set)) error {
	publish(Set{Instances: s.instances, From: fromStatic, Since: time.Now()})
	<-ctx.Done()
	return nil
}

// atAddr is an instance of which nothing is known but its address and weight.
func atAddr(addr string, weight int) listing {
	return listing{Instance: Instance{ID: addr, Addr: addr, Weight: weight, Ready: true, Alive: true}}
}
