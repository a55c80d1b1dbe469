# Consul's agent as `scripts/up` starts it: one server that keeps everything in memory
# (`consul agent -dev -config-file consul/agent/dev.hcl`).

# Nothing of it is reachable from other machines: it asks nobody for a password.
bind_addr   = "127.0.0.1"
client_addr = "127.0.0.1"

log_level = "WARN"

# No calls to the outside.
disable_update_check = true

ui_config {
  enabled = true
}

# Left: http 8500 and dns 8600, which the formation uses, server RPC 8300 and LAN
# gossip 8301. The rest are ports that could be in use, for nothing.
ports {
  grpc     = -1
  grpc_tls = -1
  serf_wan = -1
}

# On a leave Consul forgets the agent's services; `scripts/down` wants just an end.
leave_on_terminate = false
