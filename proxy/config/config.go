// Package config reads the proxy's options: each is a flag, an environment
// variable and a documented default.
package config

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"formation/consul/discovery"
)

// Config is all the proxy can be told. Durations are Go's (1.5s, 2m).
type Config struct {
	Listen  Address `default:":8080" help:"Where clients arrive."`
	Admin   Address `default:"127.0.0.1:8081" help:"Health, metrics and the fleet, for operators only."`
	Service string  `default:"apps" help:"The service whose instances are the fleet."`

	Discovery  string        `default:"consul" enum:"consul,dns,static" help:"How instances are found: consul (blocking queries), dns (Consul's SRV records) or static (--instances)."`
	ConsulAddr string        `default:"127.0.0.1:8500" env:"PROXY_CONSUL_ADDR,CONSUL_HTTP_ADDR" help:"Consul's HTTP API. Consul's own variables for token and TLS apply."`
	DNSAddr    Address       `name:"dns-addr" default:"127.0.0.1:8600" help:"Consul's DNS server; it is asked over TCP."`
	DNSDomain  string        `name:"dns-domain" default:"consul" help:"Consul's DNS domain."`
	Instances  Instances     `placeholder:"HOST:PORT,..." help:"The fleet of --discovery=static."`
	StateFile  string        `placeholder:"FILE" help:"Keeps the last known good fleet, so that a proxy that starts while its source is down serves at once. Empty: none."`
	HoldLast   time.Duration `default:"90s" help:"How long instances that vanished over a break of the source get requests while they accept connections."`

	ConnectTimeout  time.Duration `default:"2s" help:"For connecting to instances, all tries of a request together."`
	ResponseTimeout time.Duration `default:"60s" help:"From a request's last byte to its response's first. 0: no bound."`
	HeaderTimeout   time.Duration `default:"10s" help:"For a request's head to arrive."`
	IdleTimeout     time.Duration `default:"75s" help:"For the next request on a client's connection."`
	BodyTimeout     time.Duration `default:"60s" help:"For a body, either way, to go on. 0: no bound."`
	TunnelTimeout   time.Duration `default:"1h" help:"For a tunnel (WebSocket) in which nothing is sent. 0: no bound."`
	MaxHeaderBytes  int           `default:"65536" help:"Size of a head in bytes."`
	MaxBodyBytes    int64         `default:"0" help:"Size of a request's body in bytes. 0: any."`
	MaxConnections  int           `default:"16384" help:"Clients' connections open at the same time; more are refused."`
	AccessLog       string        `default:"off" enum:"on,off" help:"One line of JSON an exchange on standard output: on or off."`
	TrustedProxies  Prefixes      `placeholder:"CIDR,..." help:"Proxies in front of this one, whose X-Forwarded headers are believed."`

	DrainDelay   time.Duration `default:"3s" help:"From SIGTERM or SIGINT, when readiness ends, until no more is accepted."`
	DrainTimeout time.Duration `default:"15s" help:"For what runs then to end."`
}

// Done is Parse's error when the arguments asked for help and got it.
var Done = errors.New("nothing to run")

const description = "The web process: takes every request and balances it over the instances that Consul lists for a service."

// Parse reads args, then environment variables (--drain-delay is PROXY_DRAIN_DELAY),
// then defaults. Help is written to out. An error is one line that names the option.
func Parse(args []string, out io.Writer) (Config, error) {
	var c Config
	helped := false
	parser, err := kong.New(&c,
		kong.Name("proxy"), kong.Description(description), kong.DefaultEnvars("PROXY"),
		kong.Writers(out, out), kong.Exit(func(int) { helped = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}))
	if err != nil {
		return Config{}, fmt.Errorf("options: %w", err)
	}
	_, err = parser.Parse(args)
	if helped {
		return Config{}, Done
	}
	if err != nil {
		return Config{}, err
	}
	return c, c.validate()
}

func (c Config) validate() error {
	for name, d := range map[string]time.Duration{
		"hold-last": c.HoldLast, "response-timeout": c.ResponseTimeout,
		"body-timeout": c.BodyTimeout, "tunnel-timeout": c.TunnelTimeout,
		"drain-delay": c.DrainDelay, "drain-timeout": c.DrainTimeout,
	} {
		if d < 0 {
			return fmt.Errorf("--%s: %v is negative", name, d)
		}
	}
	for name, d := range map[string]time.Duration{
		"connect-timeout": c.ConnectTimeout, "header-timeout": c.HeaderTimeout, "idle-timeout": c.IdleTimeout,
	} {
		if d <= 0 {
			return fmt.Errorf("--%s: %v is not above 0", name, d)
		}
	}
	if c.MaxBodyBytes < 0 {
		return fmt.Errorf("--max-body-bytes: %d is negative", c.MaxBodyBytes)
	}
	for name, n := range map[string]int{"max-header-bytes": c.MaxHeaderBytes, "max-connections": c.MaxConnections} {
		if n < 1 {
			return fmt.Errorf("--%s: %d is not above 0", name, n)
		}
	}
	switch scheme, _, found := strings.Cut(c.ConsulAddr, "://"); {
	case c.ConsulAddr == "":
		return errors.New("--consul-addr: is empty")
	case found && scheme != "http" && scheme != "https" && scheme != "unix":
		return fmt.Errorf("--consul-addr: %q begins with neither http:// nor https:// nor unix://", c.ConsulAddr)
	case !isName(c.Service):
		return fmt.Errorf("--service: %q is not a name of letters, digits, - and _", c.Service)
	case !isDomain(c.DNSDomain):
		return fmt.Errorf("--dns-domain: %q is not a domain", c.DNSDomain)
	case c.Discovery == "static" && c.Instances.given == "":
		return errors.New("--instances: --discovery=static needs a list of host:port")
	case c.Discovery != "static" && c.Instances.given != "":
		return fmt.Errorf("--instances: is for --discovery=static, not for %s", c.Discovery)
	}
	return nil
}

// isName reports whether s can be a label of a domain name, as a service's name has
// to be for Consul's DNS.
func isName(s string) bool {
	return len(s) > 0 && len(s) < 64 && strings.IndexFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
	}) < 0
}

func isDomain(s string) bool {
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if !isName(label) {
			return false
		}
	}
	return len(s) < 200
}

// Address is host:port; an empty host is every address of the machine.
type Address string

// UnmarshalText is encoding.TextUnmarshaler's.
func (a *Address) UnmarshalText(text []byte) error {
	_, port, err := net.SplitHostPort(string(text))
	if err != nil {
		return fmt.Errorf("%q is not host:port", text)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q: port %q is not a number from 0 to 65535", text, port)
	}
	*a = Address(text)
	return nil
}

// Instances is a static fleet, host:port,host:port.
type Instances struct {
	discovery.Static
	given string
}

// UnmarshalText is encoding.TextUnmarshaler's.
func (i *Instances) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	static, err := discovery.ParseStatic(string(text))
	if err != nil {
		return err
	}
	i.Static, i.given = static, string(text)
	return nil
}

// Prefixes is a list of networks in CIDR notation and of single addresses.
type Prefixes []netip.Prefix

// UnmarshalText is encoding.TextUnmarshaler's.
func (p *Prefixes) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	var list Prefixes
	for entry := range strings.SplitSeq(string(text), ",") {
		prefix, err := netip.ParsePrefix(entry)
		if addr, addrErr := netip.ParseAddr(entry); addrErr == nil {
			prefix, err = addr.Prefix(addr.BitLen())
		}
		if err != nil {
			return fmt.Errorf("%q is neither a network in CIDR notation nor an address", entry)
		}
		list = append(list, prefix)
	}
	*p = list
	return nil
}
