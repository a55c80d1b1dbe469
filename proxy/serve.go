package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"formation/consul/discovery"
	"formation/proxy/admin"
	"formation/proxy/config"
	"formation/proxy/edge"
	"formation/proxy/fleet"
	"formation/proxy/forward"
)

// serve runs the proxy until ctx ends, or a part of it fails, and it has drained.
func serve(ctx context.Context, c config.Config, log *slog.Logger) error {
	source, err := newSource(c, log)
	if err != nil {
		return err
	}
	clients, err := net.Listen("tcp", string(c.Listen))
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	defer clients.Close()
	operators, err := net.Listen("tcp", string(c.Admin))
	if err != nil {
		return fmt.Errorf("--admin: %w", err)
	}
	defer operators.Close()

	instances := fleet.New(func(i discovery.Instance) *forward.Link {
		return forward.NewLink(i.Addr, c.ConnectTimeout, c.ResponseTimeout)
	})
	var heard admin.Discovery
	registry := prometheus.NewRegistry()
	server := edge.New(forward.Handler(forward.Options{
		Fleet:          instances,
		ConnectTimeout: c.ConnectTimeout,
		TrustedProxies: c.TrustedProxies,
		Recorder:       admin.NewMetrics(registry, instances, &heard),
		Log:            log,
	}), edge.Options{
		HeaderTimeout:  c.HeaderTimeout,
		IdleTimeout:    c.IdleTimeout,
		MaxHeaderBytes: c.MaxHeaderBytes,
		MaxConnections: c.MaxConnections,
		DrainDelay:     c.DrainDelay,
		DrainTimeout:   c.DrainTimeout,
		Log:            log,
	})
	pages := &http.Server{
		Handler:           admin.Handler(c.Service, server, instances, &heard, registry),
		ReadHeaderTimeout: c.HeaderTimeout,
		WriteTimeout:      time.Minute,
		IdleTimeout:       time.Minute,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	publish := func(s discovery.Set) {
		instances.Update(s.Instances)
		heard.Update(s)
	}

	// The edge ends first, what serves it after it, and the state file last, when
	// the source has handed over its last set.
	group, ctx := errgroup.WithContext(ctx)
	background, endBackground := context.WithCancel(context.WithoutCancel(ctx))
	saving, endSaving := context.WithCancel(context.WithoutCancel(ctx))
	defer endBackground()
	defer endSaving()
	if c.StateFile != "" {
		saver := discovery.NewSaver(c.StateFile, c.Service, log)
		update := publish
		publish = func(s discovery.Set) { update(s); saver.Put(s) }
		group.Go(func() error { return saver.Run(saving) })
	}
	group.Go(func() error {
		defer endSaving()
		return source.Run(background, publish)
	})
	group.Go(func() error {
		if err := pages.Serve(operators); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("--admin: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		defer endBackground()
		defer pages.Close()
		return server.Serve(ctx, clients)
	})
	log.Info("serving", "listen", clients.Addr().String(), "admin", operators.Addr().String(),
		"service", c.Service, "discovery", c.Discovery)
	return group.Wait()
}
