// Package e2e runs the formation on a real Nomad, Consul and Redis, with agents of
// its own on free ports, and sees that it keeps what it promises. Its tests need
// the build tag `servers` and the three programs: FORMATION_CONSUL and
// FORMATION_NOMAD name the first two, redis-server is on PATH. `scripts/test` sets
// all that.
package e2e
