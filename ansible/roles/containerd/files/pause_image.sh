#!/bin/sh
# Make an image that holds a pod's network: a process that sleeps until it is ended.
#
#   pause_image.sh SOCKET NAME
#
# The program is the host's own busybox, which must be static; nothing is fetched. The archive has
# the form of `docker save`.
set -eu

socket=$1
name=$2
busybox=$(command -v busybox)
if grep -aq '/ld-linux\|/ld-musl' "$busybox"; then
  echo "$busybox needs shared libraries, so it runs in no image; apt-get install busybox-static" >&2
  exit 1
fi
case $(uname -m) in
  x86_64) machine=amd64 ;;
  aarch64) machine=arm64 ;;
  *) machine=$(uname -m) ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/root" "$work/image"
cp "$busybox" "$work/root/sleep"
# The same bytes at every run: no times, no names of users.
tar --create --file "$work/image/layer.tar" --directory "$work/root" --sort name --mtime @0 \
  --owner 0 --group 0 --numeric-owner sleep
layer=$(sha256sum "$work/image/layer.tar" | cut -d ' ' -f 1)
printf '{"architecture":"%s","os":"linux","config":{"Entrypoint":["/sleep","2147483647"]},' \
  "$machine" >"$work/image/config.json"
printf '"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$layer" >>"$work/image/config.json"
printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$name" \
  >"$work/image/manifest.json"
tar --create --file "$work/image.tar" --directory "$work/image" manifest.json config.json layer.tar
ctr --address "$socket" --namespace k8s.io images import "$work/image.tar"
