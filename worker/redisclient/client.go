package redisclient

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"formation/consul/discovery"
)

// poolSize is enough for all users of the client in one process: each has one
// command under way at a time.
const poolSize = 8

// Source lists a service's instances: it calls publish with every new set until
// ctx ends. [discovery.Watch] is one.
type Source interface {
	Run(ctx context.Context, publish func(discovery.Set)) error
}

// Client is one Redis client for as long as the process lives, wherever Redis
// moves. It is safe for concurrent use.
//
// No command is ever sent twice: go-redis repeats a command whose connection broke,
// and INCRBY, XADD or a script may have run before that. Who wants to try again does
// so knowingly.
type Client struct {
	*redis.Client

	stop    context.CancelFunc
	ended   chan struct{} // closed when the source has ended
	closing func() error
}

// Open returns a client for the server or service that u names; it connects when
// it is first used, so that Redis may come later than its users. The source is the
// one for u.Service and is run until Close; without a service it is not used and may
// be nil. The timeout bounds a dial and the reading and the writing of a command, each;
// a command's own context bounds the whole, if it ends sooner.
func Open(u URL, timeout time.Duration, source Source, log *slog.Logger) *Client {
	ctx, stop := context.WithCancel(context.Background())
	c := &Client{stop: stop, ended: make(chan struct{})}
	options := u.options
	options.MaxRetries = -1
	options.ContextTimeoutEnabled = true
	options.DialTimeout = timeout
	options.ReadTimeout = timeout
	options.WriteTimeout = timeout
	options.PoolTimeout = timeout
	options.PoolSize = poolSize
	options.DialerRetries = 1
	options.DisableIdentity = true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	if u.Service == "" {
		options.Dialer = neverFailing(dialer(options.TLSConfig))
		close(c.ended)
	} else {
		at := &place{service: u.Service, log: log}
		options.Dialer = neverFailing(at.dial)
		go func() {
			defer close(c.ended)
			if err := source.Run(ctx, at.publish); err != nil && ctx.Err() == nil {
				log.Error("redis is no longer followed", "service", u.Service, "error", err)
			}
		}()
	}
	c.Client = redis.NewClient(&options)
	c.closing = sync.OnceValue(c.Client.Close)
	return c
}

// Close ends the source, waits for it, and closes all connections; what is under
// way on them fails. It may be called more than once.
func (c *Client) Close() error {
	c.stop()
	<-c.ended
	return c.closing()
}

type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

func dialer(config *tls.Config) dialFunc {
	if config == nil {
		return new(net.Dialer).DialContext
	}
	// go-redis's own dialer ignores the context here.
	return (&tls.Dialer{Config: config}).DialContext
}

// neverFailing returns a connection at all events. After some failed dials go-redis
// stops to dial and looks only once a second whether it could, and waits that
// second out even when closed; counting has to be back in the moment that Redis is.
func neverFailing(dial dialFunc) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err == nil {
			return conn, nil
		}
		unused, _ := net.Pipe()
		// go-redis takes one layer off this error, and should leave the address in it.
		return failed{Conn: unused, err: fmt.Errorf("connect: %w", err)}, nil
	}
}

// failed is a connection that could not be made, and says so when it is used.
type failed struct {
	net.Conn
	err error
}

func (f failed) Read([]byte) (int, error)  { return 0, f.err }
func (f failed) Write([]byte) (int, error) { return 0, f.err }
