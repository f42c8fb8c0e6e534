#!/usr/bin/env bash
# Install the named Debian packages that are missing, and start none of their services.
#
#   tests/engines/install.sh docker.io busybox-static ...
#
# Repeatable: says nothing and changes nothing when all are there. Where it cannot install (not
# root, or no apt) it names what is missing and succeeds: the tests that need it then skip, or
# fail where $CI is set.
set -euo pipefail

missing=()
for package in "$@"; do
  status=$(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "engines: missing and not installable here: ${missing[*]}" >&2
  echo "engines: as root on Debian, run: $0 ${missing[*]}" >&2
  exit 0
fi

# Debian's own switch against services that start as they are installed. One that is already
# there is somebody's decision and stays as it is.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 0755 "$policy"
fi

echo "engines: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet --quiet
apt-get install --quiet --quiet --yes --no-install-recommends \
  -o Dpkg::Options::=--force-confold "${missing[@]}" >/dev/null
