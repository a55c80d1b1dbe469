# shellcheck shell=bash
# The programs that the formation needs: found, installed or built. See lib.sh.

# The oldest that do. Consul 1.18 and Nomad 1.9 are the oldest whose command lines and
# job specifications are the ones used here (`nomad node meta apply` is of 1.5,
# `nomad job run -preserve-resources` and the typed templates of 1.9); Redis 7.0 has
# scripts with flags, as the queue's are.
min_consul=1.18.0
min_nomad=1.9.0
min_redis=7.0.0

# version_of NAME PATH prints a tool's version, or nothing if it does not run or says
# something else. Each says its name, so that another program of that name is not
# mistaken for it.
version_of() {
  case $1 in
    consul) timeout 20 "$2" version 2>/dev/null | sed -nE '1s/^Consul v([0-9][^ ]*).*$/\1/p' ;;
    nomad) timeout 20 "$2" version 2>/dev/null | sed -nE '1s/^Nomad v([0-9][^ ]*).*$/\1/p' ;;
    redis-server) timeout 20 "$2" --version 2>/dev/null | sed -nE '1s/^Redis server v=([0-9][^ ]*).*$/\1/p' ;;
  esac || true
}

# use NAME VAR MIN: sets $tool_path and $tool_version from the variable VAR or from
# PATH; fails if neither has NAME in version MIN.
use() {
  local name=$1 var=$2 min=$3
  if [[ -n ${!var:-} ]]; then
    tool_path=$(type -P "${!var}") || die "$var: there is no program ${!var}"
    tool_path=$(realpath -s "$tool_path") # Debian's redis-server is a link: its name counts
    tool_version=$(version_of "$name" "$tool_path")
    [[ -n $tool_version ]] || die "$var: $tool_path does not say it is $name"
    at_least "$tool_version" "$min" || die "$var: $tool_path is $tool_version, $min or newer is needed"
    return
  fi
  tool_path=$(type -P "$name") || return 1
  tool_version=$(version_of "$name" "$tool_path")
  at_least "$tool_version" "$min"
}

# need_go fails with a line unless Go is there and can build the module. From 1.21 on
# it fetches the version that go.mod names, unless it was told not to (GOTOOLCHAIN).
need_go() {
  command -v go >/dev/null || die "Go is needed: install Go 1.21 or newer and put it on PATH"
  local err version
  version=$(go version)
  if ! [[ $version =~ go([0-9.]+) ]] || ! at_least "${BASH_REMATCH[1]}" 1.21; then
    die "$version is too old: install Go 1.21 or newer"
  fi
  err=$(cd "$root" && go list -m 2>&1 >/dev/null) || die "$(head -n 1 <<<"$err")"
}

# module TOOL sets $module_* from the tool's own module under scripts/tools: the
# package to build, its version, and the name in the cache. That name changes with
# everything that the binary is made from.
module() {
  module_dir=$root/scripts/tools/$1
  module_package=$(sed -n 's/^tool //p' "$module_dir/go.mod")
  # The module is the longest beginning of the package's path that is required.
  module_version=$(awk -v package="$module_package" '
    { path = $1 == "require" ? $2 : $1; version = $1 == "require" ? $3 : $2 }
    version ~ /^v[0-9]/ && index(package "/", path "/") == 1 && length(path) > length(best) {
      best = path; found = version
    }
    END { print substr(found, 2) }' "$module_dir/go.mod")
  module_tags=
  if [[ $1 == nomad ]]; then module_tags=ui,codegen_generated,hashicorpmetrics; fi
  local key
  key=$({ cat "$module_dir/go.mod" "$module_dir/go.sum"; echo "$module_tags"; uname -sm; } | sha256sum)
  module_file=$cache/$1-$module_version-${key:0:8}
}

# build_tools NAME...: sees to it that the cache has these tools of scripts/tools, and
# under the plain names too, for PATH. Two at the same time: the second one waits, and
# finds what the first has built.
build_tools() {
  local name missing=() lock
  mkdir -p "$cache" 2>/dev/null || die "cannot write $cache: set XDG_CACHE_HOME to a folder that can be written"
  for name; do
    module "$name"
    [[ -x $module_file ]] || missing+=("$name")
  done
  if ((${#missing[@]})); then
    exec {lock}>"$cache/.lock"
    if ! flock -n "$lock"; then
      say tools "another run builds them: waiting for it"
      flock "$lock"
    fi
    need_go
    build_missing "${missing[@]}"
    exec {lock}>&-
  fi
  for name; do
    module "$name"
    if [[ $(readlink "$cache/$name" || true) != "$(basename "$module_file")" ]]; then
      ln -sfn "$(basename "$module_file")" "$cache/.$name.$$"
      mv -fT "$cache/.$name.$$" "$cache/$name"
    fi
  done
}

# build_missing builds tools side by side, with the lock held: to a temporary name, and
# renamed when complete, so that an interrupted build leaves nothing that looks built.
build_missing() {
  local name jobs=() names=() started=$SECONDS
  for name; do
    module "$name"
    if [[ -x $module_file ]]; then continue; fi # built while the lock was waited for
    names+=("$name")
  done
  ((${#names[@]})) || return 0
  say tools "building ${names[*]} from source, once: about 10 minutes on 2 cores"
  on_exit end_builds
  mkdir -p "$cache/tmp" "$logs"
  rm -f "$cache"/*.tmp
  for name in "${names[@]}"; do
    module "$name"
    build_one "$name" &
    jobs+=("$!")
  done
  building=("${jobs[@]}")
  watch_builds "$started" "${names[@]}"
  local i failed=()
  for i in "${!jobs[@]}"; do
    wait "${jobs[i]}" || failed+=("${names[i]}")
  done
  building=()
  rm -rf "$cache/tmp"
  for name in "${failed[@]}"; do
    printf '\nThe end of %s:\n' "$logs/$name.log" >&2
    tail -n 20 "$logs/$name.log" >&2
  done
  ((${#failed[@]} == 0)) || die "could not build ${failed[*]}; the whole logs are in $logs"
  say tools "built ${names[*]} in $((SECONDS - started)) s"
}

# build_one runs in a process of its own, in the folder of the tool's module: the Go
# settings of this repository or of the user's do not apply there.
build_one() {
  # So that ending it ends what it runs, too.
  trap 'kill -INT "$!" 2>/dev/null; wait; exit 130' TERM
  cd "$module_dir"
  export GOFLAGS='' GOWORK=off GOTMPDIR=$cache/tmp
  {
    echo "$module_package $module_version"
    go list -mod=readonly -tags "$module_tags" -deps "$module_package" >"$cache/tmp/$1.deps" &
    wait "$!"
    # -v names each package as it is compiled; without version control's stamp and
    # debug information the binary is a third smaller.
    go build -mod=readonly -v -buildvcs=false -ldflags '-s -w' -tags "$module_tags" \
      -o "$module_file.tmp" "$module_package" &
    wait "$!"
  } >"$logs/$1.log" 2>&1
  mv -f "$module_file.tmp" "$module_file"
}

# end_builds ends builds that an interrupted script leaves.
end_builds() {
  ((${#building[@]})) || return 0
  kill "${building[@]}" 2>/dev/null || true
  wait
  rm -rf "$cache"/*.tmp "$cache/tmp"
}
building=()
logs=${cache%/bin}/log

# watch_builds shows how far they are until they end: on a terminal in one line, else
# a line every 15 seconds.
watch_builds() {
  local started=$1 name line tick=15 shown=$SECONDS
  if [[ -t 1 ]]; then tick=1; fi
  while [[ -n $(jobs -rp) ]]; do
    sleep 1
    if ((SECONDS - shown < tick)); then continue; fi
    shown=$SECONDS
    line="$((SECONDS - started)) s:"
    for name in "${@:2}"; do line+=" $name $(built_part "$name");"; done
    if ((tick == 1)); then
      printf '\r%-10s %s\e[K' tools "${line%;}"
    else
      say tools "${line%;}"
    fi
  done
  if ((tick == 1)); then printf '\r\e[K'; fi
}

# built_part says how many of a tool's packages are compiled, in percent. What Go has
# compiled before is not compiled again: then it jumps to the end.
built_part() {
  local all compiled
  module "$1"
  if [[ -x $module_file ]]; then
    echo "built"
    return
  fi
  all=$(wc -l <"$cache/tmp/$1.deps" 2>/dev/null || echo 0)
  compiled=$(grep -cv ' ' "$logs/$1.log" 2>/dev/null || true)
  if ((all == 0)); then
    echo downloading
  elif ((compiled >= all - 2)); then
    echo linking
  else
    echo "$((100 * compiled / all))%"
  fi
}

# need_servers sets $consul, $nomad and $redis to programs that can be run, and
# $tools_line to what they are. It builds or installs what is missing.
# shellcheck disable=SC2034 # consul, nomad and redis are for those who call it
need_servers() {
  local name build=() consul_version nomad_version redis_version
  if use consul FORMATION_CONSUL "$min_consul"; then
    consul=$tool_path consul_version=$tool_version
  else
    build+=(consul)
  fi
  if use nomad FORMATION_NOMAD "$min_nomad"; then
    nomad=$tool_path nomad_version=$tool_version
  else
    build+=(nomad)
  fi
  # Before the long build: what is going to fail should fail now.
  need_redis
  redis_version=$tool_version
  if ((${#build[@]})); then build_tools "${build[@]}"; fi
  for name in "${build[@]}"; do
    module "$name"
    printf -v "$name" %s "$module_file"
    printf -v "${name}_version" %s "$module_version (built)"
  done
  tools_line="Consul $consul_version, Nomad $nomad_version, Redis $redis_version"
}

# find_nomad sets $nomad to one that is there; it builds nothing.
find_nomad() {
  if use nomad FORMATION_NOMAD "$min_nomad"; then
    nomad=$tool_path
    return
  fi
  module nomad
  nomad=$module_file
  [[ -x $nomad ]]
}

# end_packaged_redis ends the server that Debian's package starts: nobody asked for it.
end_packaged_redis() {
  if [[ -d /run/systemd/system ]]; then as_root systemctl --quiet disable --now redis-server || true; fi
}

need_redis() {
  use redis-server FORMATION_REDIS "$min_redis" || {
    install_packages redis-server && end_packaged_redis && use redis-server FORMATION_REDIS "$min_redis"
  } || die "redis-server $min_redis or newer is needed: install it (Debian: sudo apt-get install redis-server) or name one in FORMATION_REDIS"
  # shellcheck disable=SC2034
  redis=$tool_path
}

# build_programs PACKAGE... builds some of our own into the state's folder bin. Built
# beside it and renamed, so that what runs keeps its file; the same source makes the
# same bytes, wherever it lies.
build_programs() {
  need_go
  mkdir -p "$state/bin" 2>/dev/null || die "cannot write $state: set FORMATION_STATE to a folder that can be written"
  local new file
  new=$(mktemp -d "$state/bin/new.XXXXXX")
  on_exit rm -rf "$new"
  (cd "$root" && go build -trimpath -buildvcs=false -o "$new/" "$@") || die "could not build $*"
  for file in "$new"/*; do
    cmp -s "$file" "$state/bin/${file##*/}" || mv -f "$file" "$state/bin/"
  done
  rm -rf "$new"
}
