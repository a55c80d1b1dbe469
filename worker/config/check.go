package config

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"

	"formation/worker/queue"
)

// OneQueue is the queue of commands that are about one.
type OneQueue struct {
	Queue string `default:"default" help:"The queue's name."`
}

func (c *OneQueue) complete() error {
	if err := queue.CheckName(c.Queue); err != nil {
		return fmt.Errorf("--queue: %w", err)
	}
	return nil
}

// name is what a greeting shows and Consul's API takes as a part of a path.
var name = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// workerName checks --name, which is the host's where it is not given.
func workerName(given *string) error {
	if *given == "" {
		host, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("--name: it is not given, and the host has none: %w", err)
		}
		*given = host
	}
	if !name.MatchString(*given) {
		return fmt.Errorf("--name: %q is not of letters, digits, dots, dashes and underscores", *given)
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
