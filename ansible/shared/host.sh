# What the roles' scripts share. Each prints what it changed, and nothing where all was as it should be.
#
# They run by raw: on a host that has to be configured from scratch a module in Python costs ten times as much.
set -eu
export PATH="$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin"

# Print what is not empty.
say() {
  for each in "$@"; do
    [ -z "$each" ] || printf '%s\n' "$each"
  done
}

# Make directories that are missing.
have_directories() {
  for each in "$@"; do
    [ -d "$each" ] || { mkdir -p "$each"; echo "$each"; }
  done
}

# Note that a service has yet to hear of a change, of which it hears also when this run is cut off here: mark_stale SERVICE. It is
# forgotten at a boot, after which the service starts with what is there.
mark_stale() {
  [ -z "${1:-}" ] || : >"/run/argoexec-stale-$1"
}

# Write files that differ, whole or not at all, with their directories: write_files [SERVICE], that reads them. Lines of the
# input: PATH MODE CONTENT-IN-BASE64, and "backup" where the one that was there is to be kept beside it.
write_files() {
  while read -r path mode content backup; do
    [ -n "$path" ] || continue
    [ -d "${path%/*}" ] || mkdir -p "${path%/*}"
    printf %s "$content" | base64 -d >"$path.new"
    chmod "$mode" "$path.new"
    if cmp -s "$path.new" "$path"; then
      rm "$path.new"
    else
      [ -z "$backup" ] || [ ! -e "$path" ] || cp -p "$path" "$path.$(date +%Y-%m-%d@%H:%M:%S)~"
      mark_stale "${1:-}"
      mv "$path.new" "$path"
      echo "$path"
    fi
  done
}

# Have a JSON file say what is given, beside what somebody else has it say: have_json PATH JSON PYTHON [SERVICE]. It is written
# anew only for a difference in meaning, so that their own layout of the file stays; PYTHON is needed for that alone.
have_json() {
  if [ -s "$1" ]; then
    "$3" -IS -c '
import json, os, shutil, sys
from os import path as at

def merged(theirs, ours):
    if not isinstance(theirs, dict) or not isinstance(ours, dict):
        return ours
    return {**theirs, **{key: merged(theirs.get(key), value) for key, value in ours.items()}}

path, ours, stale = at.realpath(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
try:
    with open(path) as file:
        theirs = json.loads(file.read().strip() or "{}")
except ValueError as exc:
    sys.exit(f"{path} is not JSON: {exc}")
if not isinstance(theirs, dict):
    sys.exit(f"{path} is no JSON object")
if (both := merged(theirs, ours)) != theirs:
    new = path + ".new"
    shutil.copy(path, new)
    os.chown(new, os.stat(path).st_uid, os.stat(path).st_gid)
    with open(new, "w") as file:
        json.dump(both, file, indent=2)
        file.write("\n")
    if stale:
        open("/run/argoexec-stale-" + stale, "w").close()
    os.replace(new, path)
    print(path)
' "$1" "$2" "${4:-}"
  else
    printf '%s 0644 %s\n' "$1" "$(printf '%s\n' "$2" | base64 | tr -d '\n')" | write_files "${4:-}"
  fi
}

# Have a link lead to a target: have_link TARGET LINK [SERVICE]
have_link() {
  [ "$(readlink "$2")" != "$1" ] || return 0
  mark_stale "${3:-}"
  ln -sfn "$1" "$2"
  echo "$2"
}

# Whether there is a static busybox.
has_busybox() {
  [ -x /bin/busybox ] || return 1
  case $(ldd /bin/busybox 2>&1) in *"=>"*) return 1 ;; esac
}

# Have a service of systemd run, now and at every boot: have_service NAME [restart|reload], which is what one that runs
# already is told when it has yet to hear of a change. Where it does not start, the end of its log is the error.
have_service() {
  state=$(systemctl show --property NeedDaemonReload,ActiveState "$1.service")
  case $state in *NeedDaemonReload=yes*) systemctl daemon-reload ;; esac
  # What else enabling does, a reload and scripts for other inits, costs more than all of this; start reads the unit anyway.
  systemctl is-enabled --quiet "$1.service" 2>/dev/null || {
    SYSTEMCTL_SKIP_SYSV=1 systemctl enable --quiet --no-reload "$1.service"
    echo "$1 enabled"
  }
  stale=/run/argoexec-stale-$1 verb=start
  case $state in
    *ActiveState=active*) verb= && [ ! -e "$stale" ] || verb=${2:-} ;;
    # One that is starting may have read already what it reads.
    *ActiveState=activating*) [ ! -e "$stale" ] || verb=restart ;;
  esac
  [ -n "$verb" ] || return 0
  systemctl "$verb" "$1.service" 2>/dev/null || {
    echo "$1 does not $verb; the end of its log:" >&2
    journalctl --unit "$1.service" --lines 20 --no-pager --output cat >&2
    return 1
  }
  rm -f "$stale"
  echo "$1 $verb"
}
