#!/usr/bin/env bash
# containerd.sh VERSION [DIR]: puts containerd VERSION (1.6, 1.7 or 2.1), as Debian packages it, into
# DIR (.tools/containerd/VERSION) without touching the system, and prints the folder of its programs.
# Downloads once. DEBIAN_MIRROR names another mirror than deb.debian.org.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

die() {
  echo "containerd.sh: $1" >&2
  exit 1
}

version=${1:-}
case $version in
  1.6) suite=bookworm ;;
  1.7) suite=trixie ;;
  2.1) suite=sid ;;
  *) die "unknown version: '$version': use 1.6, 1.7 or 2.1" ;;
esac
dir=${2:-.tools/containerd/$version}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

exec 9>"$dir/lock"
flock 9
if [ ! -e "$dir/done" ]; then
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -r $keyring ] || die "missing file: $keyring: install the package debian-archive-keyring"
  apt=$dir/apt
  rm -rf "$apt" "$dir/usr"
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
  echo "deb [signed-by=$keyring] ${DEBIAN_MIRROR:-http://deb.debian.org/debian} $suite main" >"$apt/sources.list"
  # An apt of its own: these sources only, nothing known as installed, its state below DIR.
  options=(
    -qq
    -o "Dir::Etc::SourceList=$apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$apt/lists" -o Dir::State::status=/dev/null -o "Dir::Cache=$apt/cache"
    -o APT::Sandbox::User=root -o Acquire::Languages=none
  )
  apt-get "${options[@]}" update || die "apt-get update failed: suite $suite is out of reach"
  (cd "$apt" && apt-get "${options[@]}" download containerd) || die "apt-get download failed: containerd of $suite"
  dpkg-deb --extract "$apt"/containerd_*.deb "$dir"
  rm -rf "$apt"
  found=$("$dir/usr/bin/containerd" --version | awk '{print $3}') ||
    die "containerd of $suite does not run on this system: see the line above"
  case $found in
    "$version".*) ;;
    2.*) [ "$suite" = sid ] || die "unexpected version: suite $suite has containerd $found, not $version"
      echo "containerd.sh: suite $suite has moved on: using containerd $found for $version" >&2 ;;
    *) die "unexpected version: suite $suite has containerd $found, not $version" ;;
  esac
  touch "$dir/done"
fi
echo "$dir/usr/bin"
