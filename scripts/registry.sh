#!/usr/bin/env bash
# registry.sh: puts Debian's docker-registry into .tools/registry and prints the folder of its program.
# Not installed: the package would start a service that listens on all addresses. Downloads once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

dir=$PWD/.tools/registry
mkdir -p "$dir"
exec 9>"$dir/lock"
flock 9
if [ ! -e "$dir/done" ]; then
  rm -rf "$dir/usr" "$dir"/*.deb
  get=(apt-get -qq -o APT::Sandbox::User=root download docker-registry)
  (cd "$dir" && { "${get[@]}" || { apt-get -qq update && "${get[@]}"; }; }) || {
    echo "registry.sh: apt-get download failed: docker-registry: no apt source offers it" >&2
    exit 1
  }
  dpkg-deb --extract "$dir"/docker-registry_*.deb "$dir"
  rm "$dir"/*.deb
  "$dir/usr/bin/docker-registry" --version >&2
  touch "$dir/done"
fi
echo "$dir/usr/bin"
