# The worker process type: the app. Instances of it are the service `apps`.
#   nomad job scale worker 2

variable "datacenters" {
  type        = list(string)
  description = "Datacenters that may run it."
  default     = ["*"]
}

variable "count" {
  type        = number
  description = "How many workers a first run starts; `nomad job scale worker N` changes it."
  default     = 1
}

variable "driver" {
  type        = string
  description = "Nomad's task driver: raw_exec, or exec (root, isolated; needs the host volume formation_bin)."
  default     = "raw_exec"
  validation {
    condition     = var.driver == "raw_exec" || var.driver == "exec"
    error_message = "The driver is raw_exec or exec."
  }
}

variable "version" {
  type        = string
  description = "What the binary was built from; another value is a rolling update."
  default     = ""
}

variable "redis" {
  type        = string
  description = "The worker's --redis: redis://, rediss:// or consul://SERVICE, found and followed through Consul."
  default     = "consul://redis"
}

variable "consul_addr" {
  type        = string
  description = "Consul's HTTP API as the worker reaches it."
  default     = "127.0.0.1:8500"
}

locals {
  # raw_exec sees the node's own files and mounts nothing; exec sees what is mounted.
  isolated = var.driver == "exec"
  bin      = local.isolated ? "/formation/bin" : "${meta.formation_bin}"
}

job "worker" {
  datacenters = var.datacenters
  type        = "service"

  meta {
    version = var.version
  }

  group "worker" {
    count = var.count

    scaling {
      enabled = true
      min     = 0
      max     = 100
    }

    # The new one first: at a count of 1 there is never none.
    update {
      max_parallel      = 1
      canary            = 1
      auto_promote      = true
      health_check      = "checks"
      min_healthy_time  = "1s"
      healthy_deadline  = "1m"
      progress_deadline = "3m"
      auto_revert       = true
    }

    restart {
      attempts = 3
      interval = "1m"
      delay    = "1s"
      mode     = "fail" # then somewhere else, see reschedule
    }

    reschedule {
      delay          = "5s"
      delay_function = "exponential"
      max_delay      = "1m"
      unlimited      = true
    }

    migrate {
      max_parallel     = 1
      health_check     = "checks"
      min_healthy_time = "1s"
    }

    spread {
      attribute = "${node.unique.id}"
    }

    constraint {
      attribute = "${meta.formation_bin}"
      operator  = "is_set"
    }

    dynamic "volume" {
      for_each = local.isolated ? ["formation_bin"] : []
      labels   = [volume.value]
      content {
        type      = "host"
        source    = volume.value
        read_only = true
      }
    }

    # From leaving Consul to the signal: time for every proxy to hear of it. It is
    # the group's, where the service is; a task's would be skipped by a restart.
    shutdown_delay = "2s"

    network {
      port "http" {}
      port "admin" {}
    }

    service {
      name = "apps"
      port = "http"

      # Alive: restart it when it is not.
      check {
        name     = "alive"
        type     = "http"
        port     = "admin"
        path     = "/healthz"
        interval = "1s"
        timeout  = "1s"
        check_restart {
          limit = 5
          grace = "10s"
        }
      }

      # Ready: send it no more requests while it is not.
      check {
        name     = "ready"
        type     = "http"
        port     = "admin"
        path     = "/readyz"
        interval = "1s"
        timeout  = "1s"
      }
    }

    task "worker" {
      driver = var.driver

      dynamic "volume_mount" {
        for_each = local.isolated ? ["formation_bin"] : []
        content {
          volume      = volume_mount.value
          destination = local.bin
        }
      }

      kill_signal  = "SIGTERM"
      kill_timeout = "25s" # above drain delay + drain timeout, below the client's max_kill_timeout

      config {
        command = "${local.bin}/worker"
        args    = ["serve"]
      }

      env {
        WORKER_NAME          = "worker-${NOMAD_SHORT_ALLOC_ID}"
        WORKER_LISTEN        = "${NOMAD_ADDR_http}"
        WORKER_ADMIN         = "${NOMAD_ADDR_admin}"
        WORKER_REDIS         = var.redis
        WORKER_CONSUL_ADDR   = var.consul_addr
        WORKER_DRAIN_DELAY   = "3s"
        WORKER_DRAIN_TIMEOUT = "15s"
      }

      resources {
        cpu    = 100
        memory = 64
      }
    }
  }
}
