package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"formation/consul/discovery"
	"formation/proxy/accesslog"
	"formation/proxy/admin"
	"formation/proxy/config"
	"formation/proxy/conn"
	"formation/proxy/edge"
	"formation/proxy/fleet"
	"formation/proxy/forward"
	"formation/proxy/record"
	"formation/proxy/upstream"
)

// sweep is how often connections are looked at: by so much are deadlines late.
const sweep = 250 * time.Millisecond

// serve runs the proxy until ctx ends, or a part of it fails, and it has drained.
func serve(ctx context.Context, c config.Config, log *slog.Logger, lines *accesslog.Writer) error {
	source, err := newSource(c, log)
	if err != nil {
		return err
	}
	clients, err := edge.Listen(ctx, string(c.Listen))
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	defer clients.Close()
	operators, err := net.Listen("tcp", string(c.Admin))
	if err != nil {
		return fmt.Errorf("--admin: %w", err)
	}
	defer operators.Close()

	var heard admin.Discovery
	metrics := admin.NewMetrics()
	sweeper := conn.NewSweeper(sweep)
	pools := upstream.New(sweeper)
	instances := fleet.New(func(i discovery.Instance) *forward.Link {
		return &forward.Link{Pool: pools.Pool(i.Addr), Meter: metrics.Instance(i.ID)}
	})
	var exchanges func(*record.Exchange) // is told of each
	if c.AccessLog == "on" {
		exchanges = accesslog.NewLog(lines).Exchange
	}
	server := edge.New(forward.New(forward.Options{
		Fleet:           instances,
		ConnectTimeout:  c.ConnectTimeout,
		ResponseTimeout: c.ResponseTimeout,
		BodyTimeout:     c.BodyTimeout,
		TunnelTimeout:   c.TunnelTimeout,
		MaxBodyBytes:    c.MaxBodyBytes,
		MaxHeaderBytes:  c.MaxHeaderBytes,
		Unreached:       metrics.Instance(""),
		Log:             exchanges,
	}), edge.Options{
		HeaderTimeout:  c.HeaderTimeout,
		IdleTimeout:    c.IdleTimeout,
		MaxHeaderBytes: c.MaxHeaderBytes,
		MaxConnections: c.MaxConnections,
		TrustedProxies: c.TrustedProxies,
		DrainDelay:     c.DrainDelay,
		DrainTimeout:   c.DrainTimeout,
		Sweeper:        sweeper,
		Log:            log,
	})
	pages := &http.Server{
		Handler: admin.Handler(admin.Options{
			Service: c.Service, Proxy: server, Fleet: instances, Discovery: &heard, Metrics: metrics, Log: lines,
		}),
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
	group.Go(func() error {
		sweeper.Run(background)
		return nil
	})
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
	warnOfFewDescriptors(c.MaxConnections, log)
	return group.Wait()
}

// warnOfFewDescriptors tells when the process may open fewer files than it may have
// connections: one to each client, and as many to instances.
func warnOfFewDescriptors(connections int, log *slog.Logger) {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil && limit.Cur < 2*uint64(connections) {
		log.Warn("the process may open too few files for --max-connections: raise its limit, or lower the option",
			"limit", limit.Cur, "wanted", 2*connections)
	}
}
