package upstream

import (
	"sync"
	"time"

	"formation/proxy/conn"
)

// sweepEvery is how often idle connections are looked at.
const sweepEvery = int64(time.Second)

// Upstream is all pools, of which those with idle connections are swept.
type Upstream struct {
	sweeper *conn.Sweeper
	swept   int64 // when, on conn's clock; the sweeper's alone

	mu    sync.Mutex // taken after a pool's
	pools map[*Pool]struct{}
}

// New returns an Upstream whose connections s sweeps.
func New(s *conn.Sweeper) *Upstream {
	u := &Upstream{sweeper: s, pools: map[*Pool]struct{}{}}
	s.Also(u.sweep)
	return u
}

// Pool returns a pool for the instance at addr, host:port.
func (u *Upstream) Pool(addr string) *Pool { return &Pool{upstream: u, addr: addr} }

func (u *Upstream) watch(p *Pool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.pools[p] = struct{}{}
}

func (u *Upstream) unwatch(p *Pool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.pools, p)
}

func (u *Upstream) sweep(now int64) {
	if now-u.swept < sweepEvery {
		return
	}
	u.swept = now
	for _, p := range u.watched() {
		p.sweep(now)
	}
}

func (u *Upstream) watched() []*Pool {
	u.mu.Lock()
	defer u.mu.Unlock()
	list := make([]*Pool, 0, len(u.pools))
	for p := range u.pools {
		list = append(list, p)
	}
	return list
}
