package main

import (
	"fmt"
	"log/slog"

	"github.com/hashicorp/consul/api"

	"formation/consul/discovery"
	"formation/worker/config"
	"formation/worker/redisclient"
)

// connect returns clients of Consul and of Redis, which may be found through it, and what
// closes both.
func connect(c config.Connection, log *slog.Logger) (*api.Client, *redisclient.Client, func(), error) {
	conf := api.DefaultConfig()
	conf.Address = c.ConsulAddr
	consul, err := discovery.NewClient(conf)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("--consul-addr: %w", err)
	}
	// The client keeps the last known Redis by itself, so the watch need not hold any.
	redis := redisclient.Open(c.RedisURL, c.RedisTimeout, &discovery.Watch{
		Client: consul, Service: c.RedisURL.Service, Tag: c.RedisURL.Tag, Log: log,
	}, log)
	return consul, redis, func() {
		_ = redis.Close()
		conf.Transport.CloseIdleConnections()
	}, nil
}
