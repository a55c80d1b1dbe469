package redisclient

import (
	"strings"
	"testing"
)

func TestURLsThatNameAPlace(t *testing.T) {
	cases := []struct {
		name, raw, want       string
		addr, service, tag    string
		user, password        string
		db                    int
		encrypted, unverified bool
	}{
		{name: "an address", raw: "redis://10.0.0.1:6380", want: "redis://10.0.0.1:6380/0", addr: "10.0.0.1:6380"},
		{name: "an address with a trailing slash", raw: "redis://h:1/", want: "redis://h:1/0", addr: "h:1"},
		{name: "the usual port", raw: "redis://h", want: "redis://h:6379/0", addr: "h:6379"},
		{name: "an IPv6 address", raw: "redis://[::1]:6380", want: "redis://[::1]:6380/0", addr: "[::1]:6380"},
		{name: "a database", raw: "redis://h/3", want: "redis://h:6379/3", addr: "h:6379", db: 3},
		{name: "a password alone", raw: "redis://:p%40ss@h", want: "redis://h:6379/0", addr: "h:6379", password: "p@ss"},
		{name: "user and password", raw: "redis://u:p@h", want: "redis://h:6379/0", addr: "h:6379", user: "u", password: "p"},
		{name: "TLS", raw: "rediss://h", want: "rediss://h:6379/0", addr: "h:6379", encrypted: true},
		{name: "TLS with a certificate of one's own", raw: "rediss://h?skip_verify=true", want: "rediss://h:6379/0",
			addr: "h:6379", encrypted: true, unverified: true},
		{name: "a service", raw: "consul://redis", want: "consul://redis/0", service: "redis"},
		{name: "a service with everything", raw: "consul://u:p@redis-main/2?tag=a%20b", want: "consul://redis-main/2?tag=a+b",
			service: "redis-main", tag: "a b", user: "u", password: "p", db: 2},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			u, err := ParseURL(c.raw)
			if err != nil {
				t.Fatal(err)
			}
			if u.String() != c.want || u.Service != c.service || u.Tag != c.tag {
				t.Errorf("got %s, service %q, tag %q", u, u.Service, u.Tag)
			}
			o := u.options
			if o.Addr != c.addr || o.Username != c.user || o.Password != c.password || o.DB != c.db {
				t.Errorf("got address %q, user %q, password %q, database %d", o.Addr, o.Username, o.Password, o.DB)
			}
			if (o.TLSConfig != nil) != c.encrypted || c.encrypted && o.TLSConfig.InsecureSkipVerify != c.unverified {
				t.Errorf("TLS is %+v", o.TLSConfig)
			}
		})
	}
}

func TestURLsThatAreWrongNameThePartAndKeepThePassword(t *testing.T) {
	cases := []struct{ name, raw, want string }{
		{"nothing", "", "scheme"},
		{"no scheme", "localhost", "scheme"},
		{"an unknown scheme", "unix:///tmp/redis.sock", "scheme"},
		{"no host", "redis://", "host"},
		{"no host but a password", "redis://:s3cret@", "host"},
		{"no slashes", "redis:localhost", "host"},
		{"a port that is no number", "redis://h:port", "percent-encoded"},
		{"a port that is too large", "redis://h:65536", "port"},
		{"a port 0", "redis://h:0", "port"},
		{"a colon without a port", "redis://h:", "port"},
		{"a database that is no number", "redis://h/zero", "database"},
		{"a negative database", "redis://h/-1", "database"},
		{"two databases", "redis://h/1/2", "database"},
		{"a database as an option", "redis://h?db=1", "db"},
		{"an option that is set elsewhere", "redis://h?read_timeout=3s", "read_timeout"},
		{"an option of another scheme", "redis://h?skip_verify=true", "skip_verify"},
		{"an option without a value", "consul://redis?tag=", "tag"},
		{"an option twice", "consul://redis?tag=a&tag=b", "tag"},
		{"a truth value that is none", "rediss://h?skip_verify=maybe", "skip_verify"},
		{"a query that is none", "consul://redis?tag=%zz", "query"},
		{"a fragment", "redis://h#1", "fragment"},
		{"a service with a port", "consul://redis:6379", "port"},
		{"a service with a dot", "consul://redis.service.consul", "service"},
		{"no service", "consul:///0", "host"},
		{"a slash in the password", "redis://u:a/s3cret@h", "percent-encoded"},
		{"a slash in a password that begins like a port", "redis://u:12/s3cret@h:6379", "percent-encoded"},
		{"a question mark in the password", "redis://u:12?s3cret@h", "percent-encoded"},
		{"a # in the password", "redis://u:12#s3cret@h", "percent-encoded"},
		{"a percent sign in the password", "redis://u:%s3cret@h", "percent-encoded"},
		{"an @ in the password", "redis://u:s3cret@s3cret@h:port", "percent-encoded"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseURL(c.raw)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("error is %v, want one that names %s and keeps the password", err, c.want)
			}
		})
	}
}
