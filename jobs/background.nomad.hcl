# The background process type: takes jobs off a queue in Redis. Its instances are the
# service `background`, which nobody sends requests to: it is there for its checks.
#   nomad job scale background 8

variable "datacenters" {
  type        = list(string)
  description = "Datacenters that may run it."
  default     = ["*"]
}

variable "count" {
  type        = number
  description = "How many a first run starts; `nomad job scale background N` changes it."
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

variable "queue" {
  type        = string
  description = "The queue that jobs are taken off."
  default     = "default"
}

variable "concurrency" {
  type        = number
  description = "How many jobs each instance does at a time."
  default     = 10
}

variable "lease" {
  type        = string
  description = "How long the queue leaves jobs to an instance that it does not hear of, before others get them."
  default     = "10s"
}

variable "max_deliveries" {
  type        = number
  description = "How many instances a job may take down before it goes to the failed queue."
  default     = 5
}

variable "input_root" {
  type        = string
  description = "The folder, on each node, below which map-reduce reads files; none: it reads no files. With the driver exec it does not, either."
  default     = ""
}

locals {
  # raw_exec sees the node's own files and mounts nothing; exec sees what is mounted.
  isolated = var.driver == "exec"
  bin      = local.isolated ? "/formation/bin" : "${meta.formation_bin}"
}

job "background" {
  datacenters = var.datacenters
  type        = "service"

  meta {
    version = var.version
  }

  group "background" {
    count = var.count

    scaling {
      enabled = true
      min     = 0
      max     = 100
    }

    # The new one first: if it does not come up, the old ones have never stopped.
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

    # A job that takes its instance down does so max_deliveries times, and that is no
    # reason to go somewhere else: so often, and no sooner, see reschedule.
    restart {
      attempts = 10
      interval = "1m"
      delay    = "1s"
      mode     = "fail"
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

    # No shutdown_delay: nobody sends requests here, so nobody has to hear first that
    # one is leaving. It takes jobs by itself, and stops to at the signal.

    network {
      port "admin" {}
    }

    service {
      name = "background"
      port = "admin"

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

      # Ready: an update waits for it.
      check {
        name     = "ready"
        type     = "http"
        port     = "admin"
        path     = "/readyz"
        interval = "1s"
        timeout  = "1s"
      }
    }

    task "background" {
      driver = var.driver

      dynamic "volume_mount" {
        for_each = local.isolated ? ["formation_bin"] : []
        content {
          volume      = volume_mount.value
          destination = local.bin
        }
      }

      # Above the drain timeout and the 16 s more that a slow Redis may make of it (see
      # worker/background), below the client's max_kill_timeout.
      kill_signal  = "SIGTERM"
      kill_timeout = "28s"

      config {
        command = "${local.bin}/worker"
        args    = ["background"]
      }

      env {
        WORKER_NAME           = "background-${NOMAD_SHORT_ALLOC_ID}"
        WORKER_ADMIN          = "${NOMAD_ADDR_admin}"
        WORKER_REDIS          = var.redis
        WORKER_CONSUL_ADDR    = var.consul_addr
        WORKER_QUEUE          = var.queue
        WORKER_CONCURRENCY    = var.concurrency
        WORKER_LEASE          = var.lease
        WORKER_MAX_DELIVERIES = var.max_deliveries
        WORKER_DRAIN_TIMEOUT  = "11s"
        WORKER_INPUT_ROOT     = local.isolated ? "" : var.input_root

        # Below the memory that the task has: Go collects more eagerly before it is full.
        GOMEMLIMIT = "96MiB"
      }

      resources {
        cpu    = 100
        memory = 128 # jobs have payloads of up to 1 MiB
      }
    }
  }
}
