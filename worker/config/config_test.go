package config

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func TestDefaults(t *testing.T) {
	t.Setenv("CONSUL_HTTP_ADDR", "") // and restored at the end
	_ = os.Unsetenv("CONSUL_HTTP_ADDR")
	c, err := Parse([]string{"serve"}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != host {
		t.Errorf("name is %q, want the host's, %q", c.Name, host)
	}
	if c.Listen != ":8000" || c.Admin != "127.0.0.1:8001" || c.RedisURL.String() != "redis://127.0.0.1:6379/0" ||
		c.ConsulAddr != "127.0.0.1:8500" || c.RedisTimeout != time.Second || c.Register || c.Service != "apps" ||
		c.Advertise != "" || c.DrainDelay != 3*time.Second || c.DrainTimeout != 15*time.Second {
		t.Errorf("got %+v", c)
	}
}

func TestFlagsComeBeforeEnvironmentBeforeDefaults(t *testing.T) {
	t.Setenv("WORKER_DRAIN_DELAY", "7s")
	t.Setenv("WORKER_NAME", "from-environment")
	t.Setenv("WORKER_REGISTER", "true")
	t.Setenv("WORKER_REDIS", "consul://redis/2?tag=primary")
	t.Setenv("CONSUL_HTTP_ADDR", "http://10.0.0.1:8500")
	c, err := Parse([]string{"serve", "--name", "from-flag"}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "from-flag" || c.DrainDelay != 7*time.Second || c.DrainTimeout != 15*time.Second || !c.Register {
		t.Errorf("got %+v", c)
	}
	if c.ConsulAddr != "http://10.0.0.1:8500" {
		t.Errorf("consul-addr is %q, want Consul's own variable", c.ConsulAddr)
	}
	if c.RedisURL.Service != "redis" || c.RedisURL.Tag != "primary" {
		t.Errorf("redis is %s", c.RedisURL)
	}
}

func TestABadValueNamesItsOption(t *testing.T) {
	cases := []struct {
		name string
		args []string
		want string
	}{
		{"no command", nil, "serve"},
		{"an unknown command", []string{"swerve"}, "swerve"},
		{"an unknown option", []string{"serve", "--drain-dealy=1s"}, "--drain-dealy"},
		{"a duration without unit", []string{"serve", "--drain-delay=3"}, "--drain-delay"},
		{"a negative delay", []string{"serve", "--drain-delay=-3s"}, "--drain-delay"},
		{"a negative timeout", []string{"serve", "--drain-timeout=-3s"}, "--drain-timeout"},
		{"no time to wait for redis", []string{"serve", "--redis-timeout=0s"}, "--redis-timeout"},
		{"an address without a port", []string{"serve", "--listen=localhost"}, "--listen"},
		{"a port that is too large", []string{"serve", "--admin=:65536"}, "--admin"},
		{"a name with a space", []string{"serve", "--name=a b"}, "--name"},
		{"a service with a slash", []string{"serve", "--service=a/b"}, "--service"},
		{"an advertised address without a host", []string{"serve", "--advertise=:8000"}, "--advertise"},
		{"an advertised port 0", []string{"serve", "--advertise=10.0.0.1:0"}, "--advertise"},
		{"a consul address with an unknown scheme", []string{"serve", "--consul-addr=ftp://127.0.0.1"}, "--consul-addr"},
		{"a consul address that is none", []string{"serve", "--consul-addr=a b"}, "--consul-addr"},
		{"a redis URL of an unknown scheme", []string{"serve", "--redis=http://127.0.0.1"}, "--redis"},
		{"a redis URL without a scheme", []string{"serve", "--redis=127.0.0.1:6379"}, "--redis"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.args, t.Output())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want one that names %s", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("error has more than one line: %q", err)
			}
		})
	}
}

func TestAPasswordIsInNoError(t *testing.T) {
	for _, raw := range []string{
		"redis://user:s3cret@:6379", "http://user:s3cret@host", "consul://:s3cret@redis:8500",
		"redis://user:a/s3cret@host", "redis://user:12/s3cret@host:6379",
	} {
		t.Setenv("WORKER_REDIS", raw)
		_, err := Parse([]string{"serve"}, t.Output())
		if err == nil || !strings.HasPrefix(err.Error(), "--redis: ") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: error is %v, want one that names --redis and keeps the password", raw, err)
		}
	}
}

func TestHelpIsComplete(t *testing.T) {
	var help strings.Builder
	if _, err := Parse([]string{"serve", "--help"}, &help); !errors.Is(err, Done) {
		t.Fatalf("error is %v, want Done", err)
	}
	for flag, value := range map[string]string{
		"listen": `=":8000"`, "admin": `="127.0.0.1:8001"`, "name": "=NAME", "redis": `="redis://127.0.0.1:6379"`,
		"redis-timeout": "=1s", "consul-addr": `="127.0.0.1:8500"`, "register": "", "service": `="apps"`,
		"advertise": "=HOST:PORT", "drain-delay": "=3s", "drain-timeout": "=15s",
	} {
		variable := "$WORKER_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
		if !strings.Contains(help.String(), "--"+flag+value) || !strings.Contains(help.String(), variable) {
			t.Errorf("--%s%s or %s is missing in\n%s", flag, value, variable, &help)
		}
	}
}
