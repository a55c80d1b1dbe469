# The redis process type: one server, its append-only file in a folder that outlives
# the allocation. At most one, and never a canary: two servers on one file ruin it.

variable "datacenters" {
  type        = list(string)
  description = "Datacenters that may run it."
  default     = ["*"]
}

variable "count" {
  type        = number
  description = "How many servers: 1, or 0 to stop it."
  default     = 1
  validation {
    condition     = var.count == 0 || var.count == 1
    error_message = "Redis runs once or not at all: two servers on one file ruin it."
  }
}

variable "driver" {
  type        = string
  description = "Nomad's task driver: raw_exec, or exec (root, isolated; needs the host volume formation_data)."
  default     = "raw_exec"
  validation {
    condition     = var.driver == "raw_exec" || var.driver == "exec"
    error_message = "The driver is raw_exec or exec."
  }
}

variable "appendfsync" {
  type        = string
  description = "Redis's fsync policy: always (nothing acknowledged is lost), everysec (a second may be) or no."
  default     = "always"
}

variable "password" {
  type        = string
  description = "Redis's password; without one Redis takes connections from its own node only. Workers give it as consul://:PASSWORD@redis."
  default     = ""
}

locals {
  # raw_exec sees the node's own files and mounts nothing; exec sees what is mounted.
  isolated = var.driver == "exec"
  data     = local.isolated ? "/formation/data" : "${meta.formation_data}"
}

# One check, by TCP: Redis has no port for operators. It passes while Redis loads its
# file, too; workers answer 503 until it has. Nothing spreads where there is only one.
job "redis" {
  datacenters = var.datacenters
  type        = "service"

  group "redis" {
    count = var.count

    scaling {
      enabled = true
      min     = 0
      max     = 1
    }

    # Without a canary Nomad stops the old server before it starts the new one.
    update {
      max_parallel      = 1
      canary            = 0
      health_check      = "checks"
      min_healthy_time  = "1s"
      healthy_deadline  = "2m"
      progress_deadline = "5m"
      auto_revert       = true
    }

    # Restart in place for as long as it takes: the data is on this node.
    restart {
      attempts = 10
      interval = "5m"
      delay    = "1s"
      mode     = "delay"
    }

    reschedule {
      attempts  = 0
      unlimited = false
    }

    # The data's folder is named by the node (client meta), so that a spec without
    # one is placed nowhere instead of writing somewhere.
    constraint {
      attribute = "${meta.formation_data}"
      operator  = "is_set"
    }

    dynamic "volume" {
      for_each = local.isolated ? ["formation_data"] : []
      labels   = [volume.value]
      content {
        type      = "host"
        source    = volume.value
        read_only = false
      }
    }

    # From leaving Consul to the signal.
    shutdown_delay = "1s"

    network {
      port "redis" {}
    }

    service {
      name = "redis"
      port = "redis"

      check {
        name     = "alive"
        type     = "tcp"
        interval = "1s"
        timeout  = "1s"
        check_restart {
          limit = 10
          grace = "60s" # a large append-only file takes time to load
        }
      }
    }

    task "redis" {
      driver = var.driver

      dynamic "volume_mount" {
        for_each = local.isolated ? ["formation_data"] : []
        content {
          volume      = volume_mount.value
          destination = local.data
        }
      }

      # SIGTERM writes what is pending; SIGKILL comes only after that.
      kill_signal  = "SIGTERM"
      kill_timeout = "25s"

      config {
        command = "redis-server"
        args = concat([
          "--bind", "${NOMAD_IP_redis}",
          "--port", "${NOMAD_PORT_redis}",
          "--dir", "${local.data}/redis",
          "--appendonly", "yes",
          "--appendfsync", var.appendfsync,
          "--save", "",
        ], var.password == "" ? [] : ["--requirepass", var.password])
      }

      resources {
        cpu    = 200
        memory = 256
      }
    }
  }
}
