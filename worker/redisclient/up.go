package redisclient

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Up is a gauge that is 1 when Redis answers a PING at the time it is collected, else
// 0. The timeout bounds that.
func (c *Client) Up(timeout time.Duration) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "worker_redis_up",
		Help: "1 when Redis answered a PING just now, else 0.",
	}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		if c.Ping(ctx).Err() != nil {
			return 0
		}
		return 1
	})
}
