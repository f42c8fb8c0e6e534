#!/bin/bash
# nspawn.sh DIRECTORY: run the machine whose root is DIRECTORY/root until it powers off.
#
# Its control groups are made here, below this machine's, so that engines inside can make their own.
set -eu
directory=$1
name=${directory##*/}

join() { mkdir -p "$1"; echo $$ >"$1/cgroup.procs"; }

if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  join "/sys/fs/cgroup/$name"
else
  for hierarchy in /sys/fs/cgroup/*/; do
    group=${hierarchy%/}
    [ -L "$group" ] && continue
    mkdir -p "$group/$name"
    if [ -f "$group/cpuset.cpus" ]; then
      cat "$group/cpuset.cpus" >"$group/$name/cpuset.cpus"
      cat "$group/cpuset.mems" >"$group/$name/cpuset.mems"
    fi
    join "$group/$name"
  done
fi

# Container runtimes inside set kernel parameters of the networks that they make.
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network

# A private /run/systemd/nspawn: nspawn keeps a lock there that is the whole machine's otherwise.
mkdir -p /run/systemd/nspawn
exec unshare --mount --propagation slave bash -c '
directory=$1 name=$2
mount -t tmpfs tmpfs /run/systemd/nspawn
while :; do
  code=0
  systemd-nspawn --quiet --directory="$directory/root" --boot --register=no --keep-unit \
    --network-namespace-path="/run/netns/$name" --machine="$name" --capability=all \
    --resolv-conf=off --link-journal=no --system-call-filter="add_key keyctl bpf" \
    --bind="$directory/docker:/var/lib/docker" \
    --bind="$directory/containerd:/var/lib/containerd" || code=$?
  [ $code = 133 ] || exit $code  # 133: it reboots
done' nspawn "$directory" "$name"
