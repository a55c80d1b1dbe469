# Nomad's agent as `scripts/up` starts it: server and client in one
# (`nomad agent -dev -config jobs/agent/dev.hcl`). With -dev the state is in memory
# and an agent that is stopped stops its tasks. `up` adds the data folder, Consul's
# address, the node's meta:
#   formation_bin    the folder with the binaries `proxy` and `worker`
#   formation_data   the folder for what outlives an allocation (Redis's file)
# and host volumes of the same names, for the driver exec.

# Whoever reaches its API runs commands here: nobody but this machine does.
bind_addr = "127.0.0.1"

log_level = "WARN"

# No calls to the outside.
disable_update_check = true

client {
  enabled = true

  # What jobs get their addresses from.
  network_interface = "lo"

  # Every kill_timeout of jobs/*.nomad.hcl is below this.
  max_kill_timeout = "30s"

  options = {
    # This is no cloud's machine as far as the formation is concerned. Asking takes
    # seconds at start, and env_aws fails where AWS_CA_BUNDLE is set.
    "fingerprint.denylist" = "env_aws,env_gce,env_azure,env_digitalocean"
  }
}

# Runs a job's binaries as they are, with and without root.
plugin "raw_exec" {
  config {
    enabled = true
  }
}

# -dev measures itself every second; this is as often as it lets itself be told.
telemetry {
  collection_interval = "60s"
}
