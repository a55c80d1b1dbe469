// Package config reads the worker's command line: each option is a flag, an
// environment variable and a documented default.
package config

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"formation/worker/redisclient"
)

// Serve is all that `worker serve` can be told. Durations are Go's (1.5s, 2m).
type Serve struct {
	Listen string `default:":8000" help:"Where the proxy's requests arrive."`
	Admin  string `default:"127.0.0.1:8001" help:"Health and metrics, for Consul and operators only."`
	Name   string `placeholder:"NAME" help:"What the answers call this worker. Default: the host name."`

	Redis        string        `default:"redis://127.0.0.1:6379" help:"Where hits are counted: redis://[user:password@]host[:port][/db], rediss://… for TLS, or consul://[user:password@]service[/db][?tag=t], found and followed through Consul."`
	RedisTimeout time.Duration `default:"1s" help:"How long a hit waits for its number."`

	ConsulAddr string `default:"127.0.0.1:8500" env:"WORKER_CONSUL_ADDR,CONSUL_HTTP_ADDR" help:"Consul's HTTP API. Consul's own variables for token and TLS apply."`
	Register   bool   `help:"Register with Consul, where Nomad does not."`
	Service    string `default:"apps" help:"The service that --register registers."`
	Advertise  string `placeholder:"HOST:PORT" help:"The address that --register registers. Default: the one of --listen, or its port on Consul's address of this node."`

	DrainDelay   time.Duration `default:"3s" help:"From SIGTERM or SIGINT, when readiness ends, until no more is accepted."`
	DrainTimeout time.Duration `default:"15s" help:"For what runs then to end."`

	// RedisURL is Redis, parsed.
	RedisURL redisclient.URL `kong:"-"`
}

// Done is Parse's error when the arguments asked for help and got it.
var Done = errors.New("nothing to run")

const description = "The app's process types. Each option is an environment variable too: --drain-delay is WORKER_DRAIN_DELAY."

// Parse reads args, then environment variables, then defaults. Help is written to
// out. An error is one line that names the option and never has Redis's password in it.
func Parse(args []string, out io.Writer) (Serve, error) {
	var commands struct {
		Serve Serve `cmd:"" help:"Answer HTTP requests for / with a greeting and the number of hits, counted in Redis."`
	}
	helped := false
	parser, err := kong.New(&commands,
		kong.Name("worker"), kong.Description(description), kong.DefaultEnvars("WORKER"),
		kong.Writers(out, out), kong.Exit(func(int) { helped = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		return Serve{}, fmt.Errorf("options: %w", err)
	}
	_, err = parser.Parse(args)
	switch {
	case helped:
		return Serve{}, Done
	case err != nil:
		return Serve{}, err
	}
	c := commands.Serve
	return c, c.complete()
}

// name is what a greeting shows and Consul's API takes as a part of a path.
var name = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// complete checks the values and fills in those that are made from others.
func (c *Serve) complete() error {
	if c.Name == "" {
		host, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("--name: it is not given, and the host has none: %w", err)
		}
		c.Name = host
	}
	var err error
	if c.RedisURL, err = redisclient.ParseURL(c.Redis); err != nil {
		return fmt.Errorf("--redis: %w", err)
	}
	switch {
	case !name.MatchString(c.Name):
		return fmt.Errorf("--name: %q is not of letters, digits, dots, dashes and underscores", c.Name)
	case !name.MatchString(c.Service):
		return fmt.Errorf("--service: %q is not of letters, digits, dots, dashes and underscores", c.Service)
	case c.RedisTimeout <= 0:
		return fmt.Errorf("--redis-timeout: %v is not above 0", c.RedisTimeout)
	case c.DrainDelay < 0:
		return fmt.Errorf("--drain-delay: %v is negative", c.DrainDelay)
	case c.DrainTimeout < 0:
		return fmt.Errorf("--drain-timeout: %v is negative", c.DrainTimeout)
	}
	if err := hostPort(c.Listen, 0); err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	if err := hostPort(c.Admin, 0); err != nil {
		return fmt.Errorf("--admin: %w", err)
	}
	if err := consulAddr(c.ConsulAddr); err != nil {
		return fmt.Errorf("--consul-addr: %w", err)
	}
	if c.Advertise != "" {
		if err := hostPort(c.Advertise, 1); err != nil {
			return fmt.Errorf("--advertise: %w", err)
		}
		if strings.HasPrefix(c.Advertise, ":") {
			return fmt.Errorf("--advertise: %q has no host", c.Advertise)
		}
	}
	return nil
}

// hostPort checks for a host, possibly empty, and a port from least up.
func hostPort(addr string, least int) error {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q is not host:port", addr)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || int(n) < least {
		return fmt.Errorf("%q: port %q is not a number from %d to 65535", addr, port, least)
	}
	return nil
}

// consulAddr checks for what Consul's API client takes: host, host:port, an http or
// https URL, the path of a Unix socket, or nothing, which is Consul's own default.
func consulAddr(addr string) error {
	if addr == "" {
		return nil
	}
	scheme, rest, ok := strings.Cut(addr, "://")
	switch {
	case !ok:
		rest = addr
	case scheme == "unix" && rest != "":
		return nil
	case scheme != "http" && scheme != "https":
		return fmt.Errorf("the scheme of %q is not http, https or unix", addr)
	}
	if u, err := url.Parse("http://" + rest); err != nil || u.Hostname() == "" || u.User != nil {
		return fmt.Errorf("%q is not an address", addr)
	}
	return nil
}
