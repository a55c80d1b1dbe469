package main

import (
	"fmt"
	"log/slog"

	"github.com/hashicorp/consul/api"

	"formation/consul/discovery"
	"formation/proxy/config"
)

// newSource makes the source that finds the fleet. A state file that cannot be used
// is a line in the log: the proxy starts without it and leaves it alone until there
// is a good set to put in its place.
func newSource(c config.Config, log *slog.Logger) (discovery.Source, error) {
	if c.Discovery == "static" {
		return c.Instances.Static, nil
	}
	var known []discovery.Instance
	if c.StateFile != "" {
		var err error
		if known, err = discovery.Load(c.StateFile, c.Service); err != nil {
			log.Warn("starting without the last known good fleet", "option", "--state-file", "error", err)
		}
	}
	if c.Discovery == "dns" {
		return discovery.DNS{
			Server: string(c.DNSAddr), Service: c.Service, Domain: c.DNSDomain,
			Hold: c.HoldLast, Initial: known, Log: log,
		}, nil
	}
	conf := api.DefaultConfig()
	conf.Address = c.ConsulAddr
	client, err := discovery.NewClient(conf)
	if err != nil {
		return nil, fmt.Errorf("--consul-addr: %w", err)
	}
	return discovery.Watch{Client: client, Service: c.Service, Hold: c.HoldLast, Initial: known, Log: log}, nil
}
