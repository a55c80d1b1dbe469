// Package redisclient opens the one Redis client of a process, from a URL that
// names either an address or a Consul service. In the second case the client
// follows the service wherever it moves, without a restart and without its users
// noticing more than the errors of the moment.
package redisclient

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// URL says where Redis is and how to log in. Its zero value is not usable; it
// comes from [ParseURL]. Print it through String, which leaves the password out.
type URL struct {
	// Service is the name of the Consul service that the client follows; empty
	// where the URL is an address.
	Service string
	// Tag, where not empty, is one that an instance of Service must have.
	Tag string

	options redis.Options // address, user, password, database, TLS
}

// serviceName is what Consul's DNS interface can carry, and the underscore that
// its HTTP interface allows besides.
var serviceName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?$`)

// ParseURL reads one of
//
//	redis://[[user]:password@]host[:port][/db]
//	rediss://[[user]:password@]host[:port][/db][?skip_verify=true]
//	consul://[[user]:password@]service[/db][?tag=t]
//
// The port is 6379 and the database 0 where they are left out. Everything that is
// not in these forms is an error, which names the part that is wrong and never
// quotes it, since a password with an unescaped character may end up in any part.
func ParseURL(raw string) (URL, error) {
	u, err := url.Parse(raw)
	if err != nil || strings.Contains(u.Host+u.Path+u.RawQuery+u.Fragment, "@") {
		// url.Parse's own error would quote the URL, and with it the password.
		return URL{}, errors.New("not a URL (a special character in the user or password has to be percent-encoded)")
	}
	if err := checkParts(u); err != nil {
		return URL{}, err
	}
	if u.Scheme == "consul" {
		return parseService(u)
	}
	options, err := redis.ParseURL(raw)
	if err != nil {
		return URL{}, fmt.Errorf("read the URL: %w", err)
	}
	return URL{options: *options}, nil
}

// checkParts checks what the three schemes have in common and what redis.ParseURL
// would let pass.
func checkParts(u *url.URL) error {
	options := map[string][]string{"redis": nil, "rediss": {"skip_verify"}, "consul": {"tag"}}
	allowed, known := options[u.Scheme]
	switch {
	case !known:
		return errors.New("the scheme is not redis, rediss or consul")
	case u.Opaque != "" || u.Hostname() == "":
		return errors.New("the host is missing")
	case strings.HasSuffix(u.Host, ":"):
		return errors.New("the port is missing behind the colon")
	case u.Fragment != "":
		return errors.New("there is no use for a fragment (a # in the password has to be written %23)")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return errors.New("the port is not a number from 1 to 65535")
		}
	}
	if _, err := database(u); err != nil {
		return err
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("the query is malformed")
	}
	for name, values := range query {
		if !slices.Contains(allowed, name) {
			return fmt.Errorf("unknown option %q for scheme %s", name, u.Scheme)
		}
		if len(values) > 1 || values[0] == "" {
			return fmt.Errorf("option %q needs one value", name)
		}
	}
	return nil
}

func parseService(u *url.URL) (URL, error) {
	if u.Port() != "" {
		return URL{}, errors.New("a port has no place behind a Consul service's name")
	}
	if !serviceName.MatchString(u.Host) {
		return URL{}, errors.New("the service is not a name that Consul knows (letters, digits, - and _)")
	}
	db, err := database(u)
	if err != nil {
		return URL{}, err
	}
	password, _ := u.User.Password()
	return URL{
		Service: u.Host,
		Tag:     u.Query().Get("tag"),
		options: redis.Options{Username: u.User.Username(), Password: password, DB: db},
	}, nil
}

// database is the path's number, 0 where there is no path.
func database(u *url.URL) (int, error) {
	path := strings.TrimPrefix(u.Path, "/")
	if path == "" {
		return 0, nil
	}
	db, err := strconv.ParseUint(path, 10, 31)
	if err != nil {
		return 0, errors.New("the database is not a number from 0 up")
	}
	return int(db), nil
}

// String names the place without user and password, for logs.
func (u URL) String() string {
	scheme, host, query := "redis", u.options.Addr, ""
	switch {
	case u.Service != "":
		scheme, host = "consul", u.Service
		if u.Tag != "" {
			query = "?tag=" + url.QueryEscape(u.Tag)
		}
	case u.options.TLSConfig != nil:
		scheme = "rediss"
	}
	return fmt.Sprintf("%s://%s/%d%s", scheme, host, u.options.DB, query)
}
