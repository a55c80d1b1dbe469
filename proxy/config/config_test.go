package config

import (
	"errors"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFlagsComeBeforeEnvironmentBeforeDefaults(t *testing.T) {
	t.Setenv("PROXY_DRAIN_DELAY", "7s")
	t.Setenv("PROXY_HOLD_LAST", "1m")
	t.Setenv("CONSUL_HTTP_ADDR", "10.0.0.1:8500")
	c, err := Parse([]string{"--hold-last", "2m", "--trusted-proxies", "10.0.0.0/8,192.0.2.1"}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if c.HoldLast != 2*time.Minute || c.DrainDelay != 7*time.Second || c.DrainTimeout != 15*time.Second {
		t.Errorf("got hold-last %v, drain-delay %v, drain-timeout %v", c.HoldLast, c.DrainDelay, c.DrainTimeout)
	}
	if c.ConsulAddr != "10.0.0.1:8500" {
		t.Errorf("consul-addr is %q, want Consul's own variable", c.ConsulAddr)
	}
	want := Prefixes{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32")}
	if !slices.Equal(c.TrustedProxies, want) {
		t.Errorf("trusted-proxies is %v, want %v", c.TrustedProxies, want)
	}
}

func TestABadValueNamesItsOption(t *testing.T) {
	cases := []struct {
		name string
		args []string
		want string
	}{
		{"an unknown option", []string{"--drain-dealy=1s"}, "--drain-dealy"},
		{"a duration without unit", []string{"--drain-delay=3"}, "--drain-delay"},
		{"a negative duration", []string{"--drain-delay=-3s"}, "--drain-delay"},
		{"no time to connect", []string{"--connect-timeout=0s"}, "--connect-timeout"},
		{"a source that does not exist", []string{"--discovery=etcd"}, "--discovery"},
		{"an address without a port", []string{"--listen=localhost"}, "--listen"},
		{"a port that is too large", []string{"--admin=:65536"}, "--admin"},
		{"a network that does not parse", []string{"--trusted-proxies=10.0.0.0/8,10.1"}, "--trusted-proxies"},
		{"a head of no bytes", []string{"--max-header-bytes=0"}, "--max-header-bytes"},
		{"a count that is no number", []string{"--max-connections=many"}, "--max-connections"},
		{"no service", []string{"--service="}, "--service"},
		{"a service that is a path", []string{"--service=a/b"}, "--service"},
		{"a service that is no label", []string{"--service=a..b"}, "--service"},
		{"a domain that is none", []string{"--dns-domain=a..b"}, "--dns-domain"},
		{"a protocol that Consul does not speak", []string{"--consul-addr=ftp://x"}, "--consul-addr"},
		{"static without a list", []string{"--discovery=static"}, "--instances"},
		{"a static instance without a port", []string{"--discovery=static", "--instances=127.0.0.1:1,10.0.0.1"}, "--instances"},
		{"a list that is not asked for", []string{"--instances=127.0.0.1:1"}, "--instances"},
		{"an argument", []string{"serve"}, "serve"},
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

func TestAnEmptyVariableIsNone(t *testing.T) {
	for _, name := range []string{"PROXY_STATE_FILE", "PROXY_INSTANCES", "PROXY_TRUSTED_PROXIES"} {
		t.Setenv(name, "")
	}
	c, err := Parse([]string{"--state-file="}, t.Output())
	if err != nil || c.StateFile != "" {
		t.Errorf("state file is %q, error %v", c.StateFile, err)
	}
}

func TestABadEnvironmentVariableIsAnErrorToo(t *testing.T) {
	t.Setenv("PROXY_DRAIN_DELAY", "soon")
	if _, err := Parse(nil, t.Output()); err == nil || !strings.Contains(err.Error(), "drain-delay") {
		t.Errorf("error is %v, want one that names the option", err)
	}
}

func TestHelpNamesEveryOptionAndItsVariable(t *testing.T) {
	var help strings.Builder
	if _, err := Parse([]string{"--help"}, &help); !errors.Is(err, Done) {
		t.Fatalf("error is %v, want Done", err)
	}
	if !strings.Contains(help.String(), "$CONSUL_HTTP_ADDR") {
		t.Errorf("help does not name $CONSUL_HTTP_ADDR:\n%s", help.String())
	}
	words := strings.Join(strings.Fields(help.String()), " ")
	for field := range reflect.TypeFor[Config]().Fields() {
		flag := field.Tag.Get("name")
		if flag == "" {
			flag = strings.ToLower(regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(field.Name, "$1-$2"))
		}
		variable := "$PROXY_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
		for _, want := range []string{"--" + flag, variable, field.Tag.Get("default")} {
			if !strings.Contains(words, want) {
				t.Errorf("help does not name %s", want)
			}
		}
	}
}
