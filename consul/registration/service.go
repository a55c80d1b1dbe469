package registration

import (
	"net"
	"strconv"

	"github.com/hashicorp/consul/api"
)

// Service is what a process registers of itself.
type Service struct {
	Service string // name of the service in Consul
	Name    string // tells the instances of one host apart
	Address string // host that others reach it at; empty: the address of the agent's node
	Port    int    // port that others reach it at, 1 to 65535
	Admin   string // "host:port" where the agent reaches /healthz and /readyz
}

// ID is the service ID: unique on one agent, and the same again after a restart, so
// that the new life takes over the entry of the one before.
func (s Service) ID() string {
	return s.Service + "-" + s.Name + "-" + strconv.Itoa(s.Port)
}

// registration is the body of PUT /v1/agent/service/register
// (developer.hashicorp.com/consul/api-docs/agent/service#register-service). Alive and
// ready are checks of their own, so that a watcher can tell an instance that drains
// from one that died. Only a dead one is taken out, a minute (Consul's minimum) after
// it died.
func (s Service) registration() *api.AgentServiceRegistration {
	check := func(name, path string) *api.AgentServiceCheck {
		return &api.AgentServiceCheck{
			CheckID:  s.ID() + "-" + name,
			Name:     name,
			HTTP:     "http://" + s.Admin + path,
			Interval: "1s",
			Timeout:  "1s",
		}
	}
	alive, ready := check("alive", "/healthz"), check("ready", "/readyz")
	alive.DeregisterCriticalServiceAfter = "1m"
	return &api.AgentServiceRegistration{
		ID:      s.ID(),
		Name:    s.Service,
		Address: s.Address,
		Port:    s.Port,
		Checks:  api.AgentServiceChecks{alive, ready},
	}
}

// Reachable is the "host:port" at which the agent of this host reaches a listener at
// addr: one that listens on all addresses is reached at the loopback one.
func Reachable(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return addr.String()
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
}
