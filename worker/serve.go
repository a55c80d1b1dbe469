package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"formation/consul/registration"
	"formation/worker/admin"
	"formation/worker/config"
	"formation/worker/drain"
	"formation/worker/hello"
)

var errSecondSignal = errors.New("a second signal")

// serve runs the HTTP app from the opening of its listeners until a signal has drained
// it; a second signal ends it at once. What it returns says why it failed, or that
// requests may have been cut off.
func serve(c config.Serve, signals <-chan os.Signal, log *slog.Logger) error {
	appListener, err := drain.Listen(context.Background(), c.Listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	defer appListener.Close()
	adminListener, err := net.Listen("tcp", c.Admin)
	if err != nil {
		return fmt.Errorf("--admin: %w", err)
	}
	defer adminListener.Close()
	consul, redis, disconnect, err := connect(c.Connection, log)
	if err != nil {
		return err
	}
	defer disconnect()

	registry := prometheus.NewRegistry()
	registry.MustRegister(redis.Up(c.RedisTimeout), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	metrics := hello.NewMetrics(registry)
	counter := hello.NewCounter(hello.InRedis(redis.Client), c.RedisTimeout, metrics, log)
	ending := &drain.Drain{Delay: c.DrainDelay, Timeout: c.DrainTimeout, Log: log}

	app := drain.NewHTTPServer(server(ending.Announce(hello.NewApp(c.Name, counter, metrics)), log), appListener)
	defer app.Close()
	operators := server(admin.Handler(ending.Ready, registry), log)
	defer operators.Close()
	failed := make(chan error, 2)
	go func() { failed <- app.Serve() }()
	go func() { failed <- operators.Serve(adminListener) }()
	log.Info("serving", "name", c.Name, "listen", appListener.Addr().String(),
		"admin", adminListener.Addr().String(), "redis", c.RedisURL.String())

	if c.Register {
		registered := registration.Start(consul, service(c, appListener.Addr(), adminListener.Addr()), log)
		defer registered.Stop()
		ending.Membership = registered
	}

	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-signals:
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	go func() {
		select {
		case <-signals:
			cancel(errSecondSignal)
		case <-ctx.Done():
		}
	}()
	return ending.Run(ctx, app)
}

// server bounds what a client can keep busy. The idle timeout is well above the
// proxy's, so that it is the proxy that closes idle connections: were it the worker,
// a request might be on its way.
func server(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      time.Minute,
		IdleTimeout:       5 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// service is what --register registers: the address of --advertise, else that of the
// listener. One that listens on all addresses has none of its own, and Consul takes
// the node's.
func service(c config.Serve, app, admin net.Addr) registration.Service {
	s := registration.Service{Service: c.Service, Name: c.Name, Admin: registration.Reachable(admin)}
	addr := app.String()
	if c.Advertise != "" {
		addr = c.Advertise
	}
	host, port, _ := net.SplitHostPort(addr) // a listener's own, or checked with the options
	if !net.ParseIP(host).IsUnspecified() {
		s.Address = host
	}
	s.Port, _ = strconv.Atoi(port)
	return s
}
