# shellcheck shell=bash
# Agents that outlive the script that started them. See lib.sh.

# identity PID prints what no other process ever has: a process ID is used again, but
# not with the same start time in the same boot.
identity() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # The second field is the program's name in parentheses and may hold anything.
  read -r -a stat <<<"${stat##*) }"
  [[ ${stat[0]} != Z ]] || return 1
  echo "$1 ${stat[19]} $(cat /proc/sys/kernel/random/boot_id)"
}

# ours NAME sets $pid if the agent that this state folder's `up` started still runs.
ours() {
  local file=$state/$1.pid
  pid=
  [[ -r $file ]] || return 1
  local was
  was=$(cat "$file")
  pid=${was%% *}
  [[ $pid =~ ^[0-9]+$ && $(identity "$pid") == "$was" ]] || { pid=; return 1; }
}

# start NAME COMMAND... runs an agent in a session of its own, so that no signal of this
# terminal reaches it, with its log and its process's identity in the state folder.
# Of the environment it gets what it needs: its tasks inherit it, and a PROXY_LISTEN
# or NOMAD_ADDR that happens to be set is not for them. By $mark/NAME all that comes of
# it is known.
start() {
  local name=$1 kept=("$mark/$1") variable
  for variable in HOME USER LANG TZ TMPDIR FORMATION_TEST_DIR ${!CONSUL_*}; do
    if [[ -v $variable ]]; then kept+=("$variable=${!variable}"); fi
  done
  # The log of the last time stays until the next.
  if [[ -e $state/$name.log ]]; then mv -f "$state/$name.log" "$state/$name.log.1"; fi
  # Not with the lock: it would be held for as long as the agent runs.
  setsid env -i "${kept[@]}" "PATH=$state/bin:$PATH" "${@:2}" \
    {state_lock}>&- </dev/null >"$state/$name.log" 2>&1 &
  pid=$!
  identity "$pid" >"$state/$name.pid.tmp" || true
  mv -f "$state/$name.pid.tmp" "$state/$name.pid"
}
mark=FORMATION_RUN=$state

# stop NAME SECONDS ends an agent that `up` started: politely, then not.
stop() {
  ours "$1" || { rm -f "$state/$1.pid"; return 0; }
  local i
  kill -TERM "$pid" 2>/dev/null || true
  for ((i = 0; i < $2 * 10; i++)); do
    if ! identity "$pid" >/dev/null; then break; fi
    sleep 0.1
  done
  if identity "$pid" >/dev/null; then
    say "$1" "did not end in $2 s: killed"
    kill -KILL "$pid" 2>/dev/null || true
  fi
  rm -f "$state/$1.pid"
}

# processes_of MARK [FOLDER] prints the IDs of the processes that have MARK (NAME=value)
# in their environment, that name FOLDER in their command line or work in it, and of
# all that these have started. Never this script's own, nor those it was started by.
processes_of() {
  # shellcheck disable=SC2016 # for awk
  # The programs that look get neither mark nor folder where they look for them. Their
  # failures are processes that ended meanwhile, or that are others'.
  {
    env -i cat /proc/[0-9]*/stat 2>/dev/null | sed -nE 's/^([0-9]+) \(.*\) [^ Z] ([0-9]+) .*/parent \1 \2/p' || true
    env -i grep -lszxF -f - /proc/[0-9]*/environ <<<"$1" | sed 's/^/found /' || true
    if [[ -n ${2:-} ]]; then
      env -i grep -lszF -f - /proc/[0-9]*/cmdline <<<"$2" | sed 's/^/found /' || true
      env -i find /proc/[0-9]*/cwd -maxdepth 0 -printf 'found %p %l\n' 2>/dev/null || true
    fi
  } | env -i "self=$$" "folder=${2:-}/" awk '
    $1 == "parent" { parent[$2] = $3; next }
    NF > 2 && index(substr($0, index($0, $3)) "/", ENVIRON["folder"]) != 1 { next }
    { split($2, path, "/"); hit[path[3]] = 1 }
    END {
      for (id = ENVIRON["self"]; id > 1; id = parent[id]) own[id] = 1
      for (id in parent) {
        # Up from each process to one that is hit. This script and those above it are
        # none, and it is not what they have started that is looked for.
        for (up = id; up > 1 && !(up in own) && !(up in hit); up = parent[up]);
        if (up > 1 && !(up in own)) print id
      }
    }'
}

# sweep DATA MARK [FOLDER] ends what processes_of finds, unmounts what they mounted in
# the folder DATA and deletes it. Tasks survive a Nomad agent that was killed; nobody
# else would ever end them.
sweep() {
  local data=$1 signal left mount
  shift
  for signal in TERM TERM KILL KILL; do
    left=$(processes_of "$@")
    # shellcheck disable=SC2086 # one word for each process
    if [[ -n $left ]]; then kill "-$signal" $left 2>/dev/null || true; fi
    for _ in {1..20}; do
      left=$(processes_of "$@")
      if [[ -z $left ]]; then break 2; fi
      sleep 0.1
    done
  done
  # Nomad, as root, mounts each task's secrets folder.
  while read -r mount; do
    umount -l "$mount" 2>/dev/null || true
  done < <(awk -v data="$data/" 'index($5, data) == 1 { print $5 }' /proc/self/mountinfo | sort -r)
  rm -rf --one-file-system "$data"
}
