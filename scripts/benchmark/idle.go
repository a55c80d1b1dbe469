package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// idleConns measures what a connection takes on which nothing happens: before it was
// ever used, and after a request.
func (b *bench) idleConns(ctx context.Context, r *running, k *benchCase) (sample, error) {
	// A few requests first, for what is made once.
	warm := []*net.TCPConn{nil, nil, nil, nil}
	defer closeAll(warm)
	if err := r.connect(ctx, warm); err != nil {
		return sample{}, err
	}
	for range 50 {
		if err := useAll(warm, k.request); err != nil {
			return sample{}, err
		}
	}
	before, err := r.settled(ctx)
	if err != nil {
		return sample{}, err
	}
	conns := make([]*net.TCPConn, k.conns)
	defer closeAll(conns)
	if err := r.connect(ctx, conns); err != nil {
		return sample{}, err
	}
	unused, err := r.settled(ctx)
	if err != nil {
		return sample{}, err
	}
	if err := useAll(conns, k.request); err != nil {
		return sample{}, err
	}
	used, err := r.settled(ctx)
	if err != nil {
		return sample{}, err
	}
	memory, err := r.memory()
	if err != nil {
		return sample{}, err
	}
	// They were all there to be measured: one that was closed does not answer.
	if err := useAll(conns, k.request); err != nil {
		return sample{}, fmt.Errorf("a connection was not kept: %w", err)
	}
	n := float64(k.conns)
	return sample{
		Unused:   float64(unused-before) / n,
		AfterUse: float64(used-before) / n,
		Memory:   float64(memory),
	}, nil
}

// connect fills conns.
func (r *running) connect(ctx context.Context, conns []*net.TCPConn) error {
	dialer := net.Dialer{Timeout: 10 * time.Second}
	for i := range conns {
		c, err := dialer.DialContext(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", r.Port))
		if err != nil {
			return fmt.Errorf("connection %d: %w", i+1, err)
		}
		conns[i] = c.(*net.TCPConn)
	}
	return nil
}

func closeAll(conns []*net.TCPConn) {
	for _, c := range conns {
		if c != nil {
			_ = c.SetLinger(0) // no 10,000 connections in TIME_WAIT for the next round
			c.Close()
		}
	}
}

// useAll sends one request on each connection; few at a time, so that few connections to
// instances are needed.
func useAll(conns []*net.TCPConn, q request) error {
	const atOnce = 8
	head := []byte(q.head())
	failed := make([]error, atOnce)
	var wg sync.WaitGroup
	for part := range atOnce {
		wg.Go(func() {
			for i := part; i < len(conns) && failed[part] == nil; i += atOnce {
				failed[part] = use(conns[i], head)
			}
		})
	}
	wg.Wait()
	return cmp.Or(failed...)
}

// use sends a request and reads its answer, which is short and says hello.
func use(c *net.TCPConn, head []byte) error {
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := c.Write(head); err != nil {
		return err
	}
	buffer, n := make([]byte, 4*kib), 0
	for !bytes.HasSuffix(buffer[:n], []byte(hello)) {
		more, err := c.Read(buffer[n:])
		if err != nil {
			return err
		}
		n += more
	}
	if !bytes.HasPrefix(buffer, []byte("HTTP/1.1 200 ")) {
		return fmt.Errorf("the answer is %.40q", buffer)
	}
	return nil
}

// settled waits until the proxy's memory has stayed within half a percent for two
// seconds, and returns it; after 20 seconds as it is.
func (r *running) settled(ctx context.Context) (int64, error) {
	const pause, enough, longest = 200 * time.Millisecond, 10, 100
	var now, since int64
	for i, same := 0, 0; i < longest && same < enough; i++ {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		var err error
		if now, err = r.anonymous(); err != nil {
			return 0, err
		}
		if same++; max(now-since, since-now) > since/200 {
			since, same = now, 0
		}
	}
	return now, nil
}
