package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"formation/worker/queue"
)

// redisServer is a Redis of one contender's own.
type redisServer struct {
	*process
	dir    string
	addr   string
	client *redis.Client
	ours   *queue.Queue
}

// startRedis starts one on its core; onDisk: with an append-only file that is written to
// the disk every second, else with no file.
func startRedis(ctx context.Context, program, cpu, dir string, onDisk bool) (*redisServer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	appendOnly := map[bool]string{false: "no", true: "yes"}[onDisk]
	file := filepath.Join(dir, "redis.log")
	log, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p, err := startProcess("redis-server", cpu, dir, log, program,
		"--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", dir, "--save", "", "--daemonize", "no",
		"--appendonly", appendOnly, "--appendfsync", "everysec")
	if err != nil {
		return nil, err
	}
	r := &redisServer{process: p, dir: dir, addr: fmt.Sprintf("127.0.0.1:%d", port)}
	r.client = redis.NewClient(&redis.Options{
		Addr: r.addr, MaxRetries: -1, ReadTimeout: time.Minute, // there may be a million keys to delete
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	if r.ours, err = queue.Open(r.client, queueName); err != nil {
		r.end()
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for r.client.Ping(ctx).Err() != nil {
		select {
		case <-p.ended:
			r.end()
			return nil, fmt.Errorf("redis-server has ended: %s", lastLine(file))
		case <-ctx.Done():
			r.end()
			return nil, fmt.Errorf("redis-server does not answer: %w", context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
	return r, nil
}

// end ends the server, whose data nobody wants.
func (r *redisServer) end() {
	r.client.Close()
	r.stop()
	os.RemoveAll(r.dir)
}

func (r *redisServer) flush(ctx context.Context) error { return r.client.FlushAll(ctx).Err() }

// used is what its data take in memory: all that it uses, but for its clients' buffers.
func (r *redisServer) used(ctx context.Context) (float64, error) {
	info, err := r.client.Info(ctx, "memory").Result()
	if err != nil {
		return 0, err
	}
	all, err := number(info, "used_memory")
	if err != nil {
		return 0, err
	}
	clients, err := number(info, "mem_clients_normal")
	return all - clients, err
}

// number finds one in what Redis says of itself.
func number(info, name string) (float64, error) {
	_, after, found := strings.Cut(info, "\n"+name+":")
	value, _, _ := strings.Cut(after, "\r\n")
	n, err := strconv.ParseFloat(value, 64)
	if !found || err != nil {
		return 0, fmt.Errorf("redis says no %s: %.100q", name, info)
	}
	return n, nil
}
