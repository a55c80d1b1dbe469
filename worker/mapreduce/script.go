package mapreduce

import (
	_ "embed"
	"errors"

	"github.com/redis/go-redis/v9"
)

// The transitions of a run. Each is one script, so that Redis carries it out as a whole or
// not at all; its file tells its keys, arguments and result. All can be repeated when an
// answer was lost.
var (
	//go:embed transitions/create.lua
	createSource string
	//go:embed transitions/begin.lua
	beginSource string
	//go:embed transitions/record.lua
	recordSource string
	//go:embed transitions/end.lua
	endSource string
	//go:embed transitions/follow.lua
	followSource string
	//go:embed transitions/take.lua
	takeSource string

	createScript = script("", createSource)
	beginScript  = script("", beginSource)
	recordScript = script("", recordSource)
	endScript    = script(" flags=allow-oom", endSource)
	followScript = script("", followSource)
	takeScript   = script(" flags=allow-oom", takeSource)
)

// script makes a transition of its file. Redis runs none that needs memory when it has
// none left, so that nothing is done by half.
func script(flags, source string) *redis.Script {
	return redis.NewScript("#!lua" + flags + "\n" + source)
}

// errReply is what a transition answered that it never should.
var errReply = errors.New("redis answered something else than the transition does")
