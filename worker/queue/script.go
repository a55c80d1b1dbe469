package queue

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// The transitions. Each is one script, so that Redis carries it out as a whole or not at
// all; its file tells its keys, arguments and result. Those that end a pending job change
// nothing the second time, so that they can be repeated when an answer was lost.
var (
	//go:embed transitions/common.lua
	common string
	//go:embed transitions/enqueue.lua
	enqueueSource string
	//go:embed transitions/promote.lua
	promoteSource string
	//go:embed transitions/reclaim.lua
	reclaimSource string
	//go:embed transitions/extend.lua
	extendSource string
	//go:embed transitions/acknowledge.lua
	acknowledgeSource string
	//go:embed transitions/complete.lua
	completeSource string
	//go:embed transitions/retry.lua
	retrySource string
	//go:embed transitions/fail.lua
	failSource string
	//go:embed transitions/handback.lua
	handbackSource string
	//go:embed transitions/leave.lua
	leaveSource string
	//go:embed transitions/revive.lua
	reviveSource string
	//go:embed transitions/discard.lua
	discardSource string
	//go:embed transitions/look.lua
	lookSource string

	enqueueScript     = redis.NewScript(common + enqueueSource)
	promoteScript     = script(promoteSource)
	reclaimScript     = script(reclaimSource)
	extendScript      = script(extendSource)
	acknowledgeScript = script(acknowledgeSource)
	completeScript    = script(completeSource)
	retryScript       = script(retrySource)
	failScript        = script(failSource)
	handbackScript    = script(handbackSource)
	leaveScript       = script(leaveSource)
	reviveScript      = script(reviveSource)
	discardScript     = script(discardSource)
	lookScript        = script(lookSource)
)

// script makes a transition of its file. It may go beyond Redis's maxmemory: what takes
// jobs to their end frees memory.
func script(source string) *redis.Script {
	return redis.NewScript("#!lua flags=allow-oom\n" + common + source)
}

// errReply is what a transition answered that it never should.
var errReply = errors.New("redis answered something else than the transition does")

// numbers runs a transition that answers with numbers, n of them if n is not negative.
func (q *Queue) numbers(ctx context.Context, s *redis.Script, n int, keys []string, args ...any) ([]int64, error) {
	got, err := s.Run(ctx, q.redis, keys, args...).Int64Slice()
	if err == nil && n >= 0 && len(got) != n {
		return nil, fmt.Errorf("%w: %d numbers", errReply, len(got))
	}
	return got, err
}

// Refused reports whether an error is Redis's own word, and one that does not pass: no
// right to a key, or a key of another kind.
func Refused(err error) bool {
	var said redis.Error
	if !errors.As(err, &said) || errors.Is(err, redis.Nil) {
		return false
	}
	for _, passing := range []string{"LOADING", "READONLY", "MISCONF", "BUSY", "OOM", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS"} {
		if strings.HasPrefix(said.Error(), passing) {
			return false
		}
	}
	return true
}
