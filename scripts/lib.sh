# shellcheck shell=bash
# What up, down, logs and test share. Source it; it runs nothing by itself.
#
# Environment (each script's --help lists those it heeds):
#   FORMATION_STATE    folder of a running formation: agents' data, logs and process
#                      IDs, built binaries, Redis's file
#   FORMATION_CONSUL   the Consul, Nomad and redis-server to use, instead of one from
#   FORMATION_NOMAD    PATH or the cache
#   FORMATION_REDIS

set -euo pipefail
if [[ ! -r /proc/self/stat || -z ${EPOCHREALTIME:-} ]]; then
  echo "scripts/$(basename "$0"): this needs Linux and bash 5 (elsewhere, in a virtual machine: vagrant up)" >&2
  exit 1
fi
export LC_ALL=C # for numbers and sorting

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=scripts/$(basename "$0")
# shellcheck disable=SC2034 # for those who source this
state=${FORMATION_STATE:-${XDG_STATE_HOME:-$HOME/.local/state}/formation}
if [[ $state != /* ]]; then state=$PWD/$state; fi
# shellcheck disable=SC2034
cache=${XDG_CACHE_HOME:-$HOME/.cache}/formation/bin

die() {
  printf '%s: %s\n' "$program" "$*" >&2
  exit 1
}

# bad_usage is for the command line itself.
bad_usage() {
  printf '%s: %s; see %s --help\n' "$program" "$*" "$program" >&2
  exit 2
}

# say prints one aligned line: what it is about, and what is to be said.
say() { printf '%-10s %s\n' "$1" "${*:2}"; }

# seconds since the script began, or since the given $EPOCHREALTIME.
seconds() {
  local now=$EPOCHREALTIME
  awk -v a="${1:-$began}" -v b="$now" 'BEGIN { printf "%.1f", b - a }'
}
began=$EPOCHREALTIME

# on_exit COMMAND has a command run when the script ends, however it ends; the latest
# first.
on_exit() { exits=("${*@Q}" "${exits[@]}"); }
exits=()
run_exits() {
  local code=$? command
  trap '' INT TERM HUP
  for command in "${exits[@]}"; do eval "$command" 2>/dev/null || true; done
  exit "$code"
}
trap run_exits EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# at_least A B: version A is B or newer (dotted numbers; a suffix after - or + does not
# count).
at_least() {
  local a=${1%%[-+]*} b=$2
  [[ $a =~ ^[0-9]+(\.[0-9]+)*$ ]] || return 1
  [[ $(printf '%s\n%s\n' "$b" "$a" | sort -V | head -n 1) == "$b" ]]
}

# as_root runs a command as root where that needs no password.
as_root() {
  if ((EUID == 0)); then
    "$@"
  else
    sudo -n "$@"
  fi
}

may_install() { command -v apt-get >/dev/null && { ((EUID == 0)) || sudo -n true 2>/dev/null; }; }

# install_packages installs Debian packages; fails where it may not or cannot.
install_packages() {
  may_install || return 1
  say packages "installing $*"
  local log
  log=$(mktemp)
  # The list of packages first: an old one names files that are gone.
  if ! { as_root apt-get update && as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "$@"; } </dev/null >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

# listening PORT: something on this machine takes TCP connections to 127.0.0.1:PORT.
listening() {
  local hex
  printf -v hex '%04X' "$1"
  # State 0A is LISTEN; the addresses are 127.0.0.1, 0.0.0.0 and ::, in hexadecimal.
  awk -v port="$hex" '
    $4 == "0A" && $2 ~ ("^(0100007F|00000000|00000000000000000000000000000000):" port "$") { found = 1 }
    END { exit !found }' /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# http_get HOST PORT PATH prints status and body of a plain HTTP answer: a fresh machine
# has no curl.
http_get() {
  # shellcheck disable=SC2016 # for the inner shell
  timeout 5 bash -c '
    exec 3<>"/dev/tcp/$1/$2" || exit 1
    printf "GET %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n" "$3" "$1" "$2" >&3
    tr -d "\r" <&3 | {
      read -r _ status _ || exit 1
      while IFS= read -r line && [[ -n $line ]]; do :; done
      echo "$status"
      cat
    }' http_get "$1" "$2" "$3" 2>/dev/null
}

# await SECONDS NAME COMMAND... repeats a command until it succeeds; fails when the time
# is over, or at once when the agent NAME that `up` started has ended.
await() {
  local until=$((SECONDS + $1)) name=$2
  until "${@:3}" >/dev/null 2>&1; do
    if ((SECONDS >= until)); then return 1; fi
    if [[ -n $name ]] && ! ours "$name"; then return 1; fi
    sleep 0.1
  done
}

# shellcheck source=scripts/lib/tools.sh
source "$root/scripts/lib/tools.sh"
# shellcheck source=scripts/lib/processes.sh
source "$root/scripts/lib/processes.sh"
# shellcheck source=scripts/lib/agents.sh
source "$root/scripts/lib/agents.sh"
