package config

import (
	"fmt"
	"time"

	"formation/worker/redisclient"
)

// Connection is where Redis is, for all commands.
type Connection struct {
	Redis        string        `default:"redis://127.0.0.1:6379" help:"Where hits and jobs are kept: redis://[user:password@]host[:port][/db], rediss://… for TLS, or consul://[user:password@]service[/db][?tag=t], found and followed through Consul."`
	RedisTimeout time.Duration `default:"1s" help:"How long anything that is asked of Redis may take."`
	ConsulAddr   string        `default:"127.0.0.1:8500" env:"WORKER_CONSUL_ADDR,CONSUL_HTTP_ADDR" help:"Consul's HTTP API. Consul's own variables for token and TLS apply."`

	// RedisURL is Redis, parsed.
	RedisURL redisclient.URL `kong:"-"`
}

func (c *Connection) complete() error {
	var err error
	if c.RedisURL, err = redisclient.ParseURL(c.Redis); err != nil {
		return fmt.Errorf("--redis: %w", err)
	}
	if c.RedisTimeout <= 0 {
		return fmt.Errorf("--redis-timeout: %v is not above 0", c.RedisTimeout)
	}
	if err := consulAddr(c.ConsulAddr); err != nil {
		return fmt.Errorf("--consul-addr: %w", err)
	}
	return nil
}
