package config

import (
	"fmt"
	"strings"
	"time"
)

// Serve is all that `worker serve` can be told.
type Serve struct {
	Listen string `default:":8000" help:"Where the proxy's requests arrive."`
	Admin  string `default:"127.0.0.1:8001" help:"Health and metrics, for Consul and operators only."`
	Name   string `placeholder:"NAME" help:"What the answers call this worker. Default: the host name."`

	Connection
	Register  bool   `help:"Register with Consul, where Nomad does not."`
	Service   string `default:"apps" help:"The service that --register registers."`
	Advertise string `placeholder:"HOST:PORT" help:"The address that --register registers. Default: the one of --listen, or its port on Consul's address of this node."`

	DrainDelay   time.Duration `default:"3s" help:"From SIGTERM or SIGINT, when readiness ends, until no more is accepted."`
	DrainTimeout time.Duration `default:"15s" help:"For what runs then to end."`
}

func (c *Serve) complete() error {
	if err := workerName(&c.Name); err != nil {
		return err
	}
	if err := c.Connection.complete(); err != nil {
		return err
	}
	switch {
	case !name.MatchString(c.Service):
		return fmt.Errorf("--service: %q is not of letters, digits, dots, dashes and underscores", c.Service)
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
