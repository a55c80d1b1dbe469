package verbs

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/hashicorp/consul/api"

	"formation/consul/discovery"
	"formation/worker/config"
	"formation/worker/redisclient"
)

// opened is Redis, and what has to be closed with it.
type opened struct {
	*redisclient.Client
	close func()
}

// Close implements io.Closer.
func (o opened) Close() error {
	defer o.close()
	return o.Client.Close()
}

// open opens Redis. If it is a service it waits, within --redis-timeout, until Consul
// has said where that is.
func open(at config.Connection) (opened, error) {
	silent := slog.New(slog.DiscardHandler)
	if at.RedisURL.Service == "" {
		return opened{redisclient.Open(at.RedisURL, at.RedisTimeout, nil, silent), func() {}}, nil
	}
	conf := api.DefaultConfig()
	conf.Address = at.ConsulAddr
	consul, err := discovery.NewClient(conf)
	if err != nil {
		return opened{}, fmt.Errorf("--consul-addr: %w", err)
	}
	w := &watch{
		Watch: discovery.Watch{Client: consul, Service: at.RedisURL.Service, Tag: at.RedisURL.Tag},
		found: make(chan struct{}),
	}
	o := opened{redisclient.Open(at.RedisURL, at.RedisTimeout, w, silent), conf.Transport.CloseIdleConnections}
	bound := time.NewTimer(at.RedisTimeout)
	defer bound.Stop()
	select {
	case <-w.found:
		return o, nil
	case <-bound.C:
		_ = o.Close()
		return opened{}, fmt.Errorf("--redis: %s is not found within --redis-timeout, %v: %w", at.RedisURL, at.RedisTimeout, w.why())
	}
}

// watch is Consul's, and tells how it goes.
type watch struct {
	discovery.Watch
	found chan struct{} // closed when an instance is ready

	once  sync.Once
	mu    sync.Mutex
	heard bool // Consul was asked, and answered or could not
	err   error
}

// Run implements [redisclient.Source].
func (w *watch) Run(ctx context.Context, publish func(discovery.Set)) error {
	return w.Watch.Run(ctx, func(set discovery.Set) {
		publish(set)
		w.mu.Lock()
		w.heard, w.err = true, set.Err
		w.mu.Unlock()
		for _, instance := range set.Instances {
			if instance.Ready {
				w.once.Do(func() { close(w.found) })
			}
		}
	})
}

// why is the reason for which nothing was found so far.
func (w *watch) why() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.err != nil:
		return w.err
	case w.heard:
		return fmt.Errorf("consul lists no instance of %q that is ready", w.Service)
	}
	return fmt.Errorf("consul did not answer")
}
