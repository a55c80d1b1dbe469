package hello

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// hitsKey is the one key of the app in Redis: the number of hits, a decimal integer.
const hitsKey = "hits"

// InRedis adds hits in Redis. The client must not repeat commands by itself
// ([redis.Options].MaxRetries -1) and has to respect a context's deadline
// ([redis.Options].ContextTimeoutEnabled).
func InRedis(client *redis.Client) Add {
	return func(ctx context.Context, n int64) (int64, error) {
		sum, err := client.IncrBy(ctx, hitsKey, n).Result()
		if err != nil {
			return 0, fmt.Errorf("add %d to %s: %w", n, hitsKey, err)
		}
		return sum, nil
	}
}
