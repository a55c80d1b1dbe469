# shellcheck shell=bash
# The Consul and the Nomad that a formation runs on, and its jobs. See lib.sh.

own_consul=127.0.0.1:8500
own_nomad=127.0.0.1:4646

# lock_state keeps a second up or down of the same formation out until this one ends.
lock_state() {
  mkdir -p "$state" 2>/dev/null || true
  [[ -d $state && -w $state ]] || die "cannot write $state: set FORMATION_STATE to a folder that can be written"
  exec {state_lock}>"$state/.lock"
  if ! flock -n "$state_lock"; then
    say waiting "for another up or down of $state"
    flock "$state_lock"
  fi
}

# plain_address strips what may stand around host:port, but for https://.
plain_address() {
  local address=${1#http://}
  if [[ $address != https://* ]]; then address=${address%%/*}; fi
  echo "${address/#localhost:/127.0.0.1:}"
}

# use_own_consul and use_own_nomad point commands to the agents that up starts. These
# know no tokens, namespaces and certificates that may be set for others.
use_own_consul() {
  # shellcheck disable=SC2086 # names of variables
  unset ${!CONSUL_*}
  export CONSUL_HTTP_ADDR=$own_consul
}
use_own_nomad() {
  # shellcheck disable=SC2086
  unset ${!NOMAD_*}
  export NOMAD_ADDR=http://$own_nomad
}

# anothers NAME: consul or nomad is to be one that up does not start. An address that
# is the one up's own agent has, while that runs, means that one.
anothers() {
  local address=${CONSUL_HTTP_ADDR:-} own=$own_consul
  if [[ $1 == nomad ]]; then address=${NOMAD_ADDR:-} own=$own_nomad; fi
  [[ -n $address ]] && { [[ $(plain_address "$address") != "$own" ]] || ! ours "$1"; }
}

# need_ports NAME PORT...: if the agent is going to be started, its ports have to be
# free. The first is the one that an agent that is already there would answer on.
need_ports() {
  local name=$1 setting=NOMAD_ADDR=http://$own_nomad port
  if anothers "$name" || ours "$name"; then return; fi
  if [[ $name == consul ]]; then setting=CONSUL_HTTP_ADDR=$own_consul; fi
  for port in "${@:2}"; do
    if listening "$port"; then
      die "port $port, ${name^}'s, is in use: set $setting if that is a ${name^} to use, else end it and run this again"
    fi
  done
}

consul_answers() { "$consul" catalog services; }

# consul_agent sees to a Consul that answers: the one of CONSUL_HTTP_ADDR, else our own.
consul_agent() {
  local address=${CONSUL_HTTP_ADDR:-} from=$EPOCHREALTIME
  if anothers consul; then
    await 5 '' consul_answers ||
      die "no Consul answers at CONSUL_HTTP_ADDR=$address: start it, or unset the variable and one is started"
    say consul "using the one at $address (CONSUL_HTTP_ADDR)"
    return
  fi
  use_own_consul
  if ours consul; then
    say consul "http://$own_consul runs"
  else
    start consul "$consul" agent -dev -config-file "$root/consul/agent/dev.hcl"
    say consul "http://$own_consul starts"
  fi
  await 60 consul consul_answers || agent_failed consul
  say consul "answers after $(seconds "$from") s"
}

nomad_answers() { [[ $("$nomad" node status -t '{{range .}}{{.Status}} {{end}}') == *ready* ]]; }

# nomad_agent sees to a Nomad with a client that knows the folders of the formation:
# the one of NOMAD_ADDR, else our own.
nomad_agent() {
  local address=${NOMAD_ADDR:-} from=$EPOCHREALTIME
  if anothers nomad; then
    await 5 '' nomad_answers ||
      die "no Nomad with a client that is ready answers at NOMAD_ADDR=$address: start it, or unset the variable and one is started"
    say nomad "using the one at $address (NOMAD_ADDR)"
    tell_folders
    return
  fi
  use_own_nomad
  if ours nomad; then
    say nomad "http://$own_nomad runs"
  else
    # The folders, for the driver exec: what it runs sees no others.
    printf 'client {\n  host_volume "%s" {\n    path = "%s"\n  }\n  host_volume "%s" {\n    path = "%s"\n  }\n}\n' \
      formation_bin "$state/bin" formation_data "$state/data" >"$state/volumes.hcl"
    start nomad "$nomad" agent -dev -config "$root/jobs/agent/dev.hcl" -config "$state/volumes.hcl" \
      -data-dir "$state/nomad/data" \
      -consul-address "$(plain_address "$CONSUL_HTTP_ADDR")" \
      -meta "formation_bin=$state/bin" -meta "formation_data=$state/data"
    say nomad "http://$own_nomad starts"
  fi
  await 60 nomad nomad_answers || agent_failed nomad
  say nomad "answers after $(seconds "$from") s"
}

# sweep_nomad ends what tasks a killed agent has left, and deletes their folders.
sweep_nomad() {
  sweep "$state/nomad" "$mark/nomad"
  # Redis writes its title over its environment. One that nobody stops any more would
  # have the next one beside it on one file.
  local from=$SECONDS proc signal=TERM
  while proc=$(redis_left) && [[ -n $proc ]]; do
    if ((SECONDS - from > 20)); then signal=KILL; fi
    kill "-$signal" "$proc" 2>/dev/null || true
    sleep 0.2
  done
}

# redis_left prints the ID of a Redis that works in the formation's data folder.
redis_left() {
  local proc folder
  while read -r proc folder; do
    if [[ $folder == "$state/data/redis" && $(readlink "$proc/exe") == */redis-* ]]; then
      echo "${proc#/proc/}"
      return
    fi
  done < <(find /proc/[0-9]*/cwd -maxdepth 0 -printf '%h %l\n' 2>/dev/null)
}

# runs_on ADDRESS (or "own"): a formation is on one Nomad at a time, or down would not
# find its jobs.
runs_on() {
  local was
  was=$(cat "$state/nomad.addr" 2>/dev/null || true)
  if [[ -s $state/jobs && -n $was && $was != "$1" ]]; then
    if [[ $was == own ]]; then was="the Nomad that this started"; else was="NOMAD_ADDR=$was"; fi
    die "the formation of $state is on $was: scripts/down first, or another FORMATION_STATE"
  fi
  echo "$1" >"$state/nomad.addr"
}

agent_failed() {
  local why
  why=$(grep -E '==> |\[ERROR\]|rror' "$state/$1.log" | tail -n 1 || true)
  die "${1^} did not start${why:+: ${why#==> }}; its log is $state/$1.log"
}

# tell_folders gives the Nomad clients of this machine, which up did not start, the
# folders of binaries and data, unless they were told others.
tell_folders() {
  local node bin known=0
  for node in $("$nomad" node status -t '{{range .}}{{if eq .Status "ready"}}{{.ID}} {{end}}{{end}}'); do
    bin=$(node_folder "$node")
    if [[ -n $bin ]]; then
      [[ $bin == "$state/bin" ]] || say nomad "node ${node%%-*} has formation_bin=$bin: its programs are used"
      known=$((known + 1))
    elif [[ $("$nomad" node status -t '{{index .Attributes "unique.hostname"}}' "$node") == "$(uname -n)" ]]; then
      "$nomad" node meta apply -node-id "$node" "formation_bin=$state/bin" "formation_data=$state/data" >/dev/null ||
        die "could not set the meta of node $node; set it yourself: nomad node meta apply -node-id $node formation_bin=$state/bin formation_data=$state/data"
      echo "$node" >>"$state/told"
      await 15 '' has_folder "$node" || die "node $node does not show the meta that was set"
      say nomad "node ${node%%-*} told where programs and data are"
      known=$((known + 1))
    fi
  done
  ((known)) || die "no Nomad client runs on this machine ($(uname -n)): copy $state/bin to one and give it the meta formation_bin and formation_data (nomad node meta apply)"
}
node_folder() { "$nomad" node status -t '{{with index .Meta "formation_bin"}}{{.}}{{end}}' "$1"; }
has_folder() { [[ -n $(node_folder "$1") ]]; }

# run_job NAME OPTION... has Nomad run jobs/NAME.nomad.hcl and waits until its deployment
# is healthy.
run_job() {
  local name=$1 log=$state/$1.run.log from=$EPOCHREALTIME started=$SECONDS run
  # A job of this name that is not the formation's is not to be overwritten.
  local meant
  meant=$("$nomad" job inspect -t '{{range .TaskGroups}}{{range .Constraints}}{{.LTarget}}{{end}}{{end}}' "$name" 2>/dev/null || echo meta.formation)
  [[ $meant == *meta.formation* ]] || die "Nomad at $NOMAD_ADDR has a job $name that is not the formation's: it is left alone"
  grep -qsxF "$name" "$state/jobs" || echo "$name" >>"$state/jobs"

  NOMAD_CLI_NO_COLOR=1 "$nomad" job run -preserve-counts "${@:2}" "$root/jobs/$name.nomad.hcl" >"$log" 2>&1 </dev/null &
  run=$!
  running_job=$run
  on_exit end_run # of an interrupted up
  while kill -0 "$run" 2>/dev/null; do
    # Nomad itself would wait for minutes for a place that nobody is going to make.
    if ((SECONDS - started >= 20)) && grep -q 'failed to place' "$log"; then
      kill "$run"
      break
    fi
    sleep 0.1
  done
  local code=0
  wait "$run" || code=$?
  running_job=
  if ((code)); then
    tail -n 25 "$log" >&2
    die "job $name is not healthy: see above, \`scripts/logs --stderr $name\` and \`nomad job status $name\`; scripts/down ends the rest"
  fi
  say "$name" "healthy, count $("$nomad" job inspect -t '{{range .TaskGroups}}{{.Count}}{{end}}' "$name"), after $(seconds "$from") s"
}

running_job=
end_run() { [[ -z $running_job ]] || kill "$running_job"; }

# running NAME prints the IDs of a job's allocations that have not ended.
running() {
  "$nomad" job allocs -t '{{range .}}{{if or (eq .ClientStatus "running") (eq .ClientStatus "pending")}}{{.ID}} {{end}}{{end}}' "$1" 2>/dev/null
}
none_running() {
  local ids
  ids=$(running "$1") && [[ -z $ids ]]
}

# address_of NAME LABEL prints host and port of a port of a job's first allocation.
address_of() {
  local alloc
  alloc=$(running "$1")
  [[ -n $alloc ]] || return 1
  "$nomad" alloc status -t "{{range .AllocatedResources.Shared.Ports}}{{if eq .Label \"$2\"}}{{.HostIP}} {{.Value}}{{end}}{{end}}" "${alloc%% *}"
}

# stop_job NAME: it leaves Consul, drains and ends; then Nomad forgets it.
stop_job() {
  local from=$EPOCHREALTIME
  "$nomad" job stop -yes -detach "$1" >/dev/null 2>&1 || true
  await 90 '' none_running "$1" || return 1
  "$nomad" job stop -yes -detach -purge "$1" >/dev/null 2>&1 || true
  say "$1" "stopped in $(seconds "$from") s"
}
