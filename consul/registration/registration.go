// Package registration keeps a process registered with the Consul agent of its host,
// for machines without Nomad, which does that for what it runs.
package registration

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/consul/api"
)

const (
	// pollInterval is how often the agent is asked whether it still has the entry, give
	// or take a quarter: an agent that restarted without its memory has not, and nothing
	// tells us.
	pollInterval = 2 * time.Second
	// callTimeout bounds one call to the agent, which is on this host.
	callTimeout = 2 * time.Second
)

// Registration is a process's entry with the agent. It is kept from Start until Leave
// or Deregister.
type Registration struct {
	agent   *api.Agent
	service Service
	log     *slog.Logger

	cancel context.CancelFunc
	kept   sync.WaitGroup // the goroutine that keeps the entry
}

// Start begins to register the service and keeps it registered. It returns at once:
// where Consul is away, the process serves all the same and is registered when it is
// there.
func Start(client *api.Client, service Service, log *slog.Logger) *Registration {
	ctx, cancel := context.WithCancel(context.Background())
	r := &Registration{
		agent:   client.Agent(),
		service: service,
		log:     log.With("service", service.Service, "id", service.ID()),
		cancel:  cancel,
	}
	r.kept.Go(func() { r.keep(ctx) })
	return r
}

// Leave ends the keeping and puts the entry into maintenance mode, which every watcher
// sees at once, without waiting for a check to fail.
func (r *Registration) Leave(ctx context.Context) error {
	r.Stop()
	err := r.agent.EnableServiceMaintenanceOpts(r.service.ID(), "draining", with(ctx))
	return present(err)
}

// Deregister ends the keeping and takes the entry out.
func (r *Registration) Deregister(ctx context.Context) error {
	r.Stop()
	return present(r.agent.ServiceDeregisterOpts(r.service.ID(), with(ctx)))
}

// Stop ends the keeping and waits for that; the entry stays as it is. It may be called
// more than once.
func (r *Registration) Stop() {
	r.cancel()
	r.kept.Wait()
}

// keep registers anew whenever the agent does not know the service.
func (r *Registration) keep(ctx context.Context) {
	first, failed := true, false
	for {
		err := r.ensure(ctx, first)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			first, failed = false, false
		case !failed:
			r.log.Warn("not registered with consul", "error", err)
			failed = true
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pollInterval*3/4 + rand.N(pollInterval/2)):
		}
	}
}

// ensure registers the service where it is not. The first time it does so in any case:
// an entry may be there from a life before this one, with other checks, and with the one
// that is the maintenance mode of its end; replacing the checks takes that away. Later,
// a maintenance mode is an operator's and stays.
func (r *Registration) ensure(ctx context.Context, first bool) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if !first {
		_, _, err := r.agent.Service(r.service.ID(), with(ctx))
		if !missing(err) {
			return err
		}
		r.log.Warn("consul has lost the registration")
	}
	opts := api.ServiceRegisterOpts{ReplaceExistingChecks: true}.WithContext(ctx)
	if err := r.agent.ServiceRegisterOpts(r.service.registration(), opts); err != nil {
		return err
	}
	r.log.Info("registered with consul")
	return nil
}

func with(ctx context.Context) *api.QueryOptions {
	return new(api.QueryOptions).WithContext(ctx)
}

// missing reports whether err is the agent's answer that it has no such service.
func missing(err error) bool {
	var status api.StatusError
	return errors.As(err, &status) && status.Code == http.StatusNotFound
}

// present is err, unless that is about a service which is not there: it need not be
// taken out then.
func present(err error) error {
	if missing(err) {
		return nil
	}
	return err
}
