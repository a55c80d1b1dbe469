# The web process type: the edge proxy. It takes every request and balances it over
# the instances of `apps`.

variable "datacenters" {
  type        = list(string)
  description = "Datacenters that may run it."
  default     = ["*"]
}

variable "count" {
  type        = number
  description = "How many edge nodes; each takes the port on a node of its own."
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

variable "http_port" {
  type        = number
  description = "Where clients arrive."
  default     = 8080
}

variable "admin_port" {
  type        = number
  description = "Health, metrics and the fleet."
  default     = 8081
}

variable "discovery" {
  type        = string
  description = "How workers are found: consul (blocking queries) or dns (SRV records)."
  default     = "consul"
}

variable "access_log" {
  type        = string
  description = "One line of JSON an exchange on standard output: on or off."
  default     = "on"
}

variable "consul_addr" {
  type        = string
  description = "Consul's HTTP API as the proxy reaches it."
  default     = "127.0.0.1:8500"
}

variable "dns_addr" {
  type        = string
  description = "Consul's DNS server as the proxy reaches it."
  default     = "127.0.0.1:8600"
}

locals {
  # raw_exec sees the node's own files and mounts nothing; exec sees what is mounted.
  isolated = var.driver == "exec"
  bin      = local.isolated ? "/formation/bin" : "${meta.formation_bin}"
}

job "web" {
  datacenters = var.datacenters
  type        = "service"

  meta {
    version = var.version
  }

  group "web" {
    count = var.count

    scaling {
      enabled = true
      min     = 0
      max     = 10
    }

    # A static port leaves no room for a canary on the same node: one node at a time.
    update {
      max_parallel      = 1
      health_check      = "checks"
      min_healthy_time  = "1s"
      healthy_deadline  = "1m"
      progress_deadline = "3m"
      auto_revert       = true
    }

    restart {
      attempts = 10
      interval = "5m"
      delay    = "1s"
      mode     = "delay"
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

    # From leaving Consul to the signal: time for what finds the edge by its name.
    shutdown_delay = "2s"

    # The last known good fleet goes with the job from allocation to allocation.
    ephemeral_disk {
      sticky = true
    }

    network {
      port "http" {
        static = var.http_port
      }
      port "admin" {
        static = var.admin_port
      }
    }

    service {
      name = "web"
      port = "http"

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

      check {
        name     = "ready"
        type     = "http"
        port     = "admin"
        path     = "/readyz"
        interval = "1s"
        timeout  = "1s"
      }
    }

    task "web" {
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
        command = "${local.bin}/proxy"
      }

      env {
        PROXY_LISTEN        = "${NOMAD_ADDR_http}"
        PROXY_ADMIN         = "${NOMAD_ADDR_admin}"
        PROXY_SERVICE       = "apps"
        PROXY_DISCOVERY     = var.discovery
        PROXY_ACCESS_LOG    = var.access_log
        PROXY_CONSUL_ADDR   = var.consul_addr
        PROXY_DNS_ADDR      = var.dns_addr
        PROXY_STATE_FILE    = "${NOMAD_ALLOC_DIR}/data/fleet.json"
        PROXY_DRAIN_DELAY   = "3s"
        PROXY_DRAIN_TIMEOUT = "15s"
      }

      resources {
        cpu    = 200
        memory = 128
      }
    }
  }
}
