#!/usr/bin/env bash
# Installs what building and testing need: Debian packages, Deno (pinned, in .tools/) and the npm
# dependencies of deno.lock. Does only what is missing; safe to repeat and to run concurrently.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C

die() {
  echo "setup: $1" >&2
  exit 1
}

# Each line: what proves that it is there (a command, or a path that may be a pattern), then the
# package that brings it, then other names of that package, for releases that lack the first.
requirements='
containerd                                          containerd
ctr                                                 containerd
containerd-shim-runc-v2                             containerd
runc                                                runc
crun                                                crun
gcc                                                 gcc
make                                                make
git                                                 git
zstd                                                zstd
/usr/include/stdio.h                                libc6-dev
/usr/include/seccomp.h                              libseccomp-dev
/usr/include/zstd.h                                 libzstd-dev
/usr/lib/*-linux-gnu/libseccomp.so.2                libseccomp2
clang                                               clang
wasm-ld                                             lld
/usr/include/wasm32-wasi/stdio.h                    wasi-libc
/usr/lib/llvm-*/lib/clang/*/lib/wasi/libclang_rt.builtins-wasm32.a  libclang-rt-dev-wasm32 libclang-rt-18-dev-wasm32 libclang-rt-14-dev-wasm32
/bin/busybox                                        busybox-static
ip                                                  iproute2
nsenter                                             util-linux
setpriv                                             util-linux
curl                                                curl
wrk                                                 wrk
/usr/lib/cni/bridge                                 containernetworking-plugins
skopeo                                              skopeo
umoci                                               umoci
/usr/share/keyrings/debian-archive-keyring.gpg      debian-archive-keyring
/etc/ssl/certs/ca-certificates.crt                  ca-certificates
'

present() {
  case $1 in
    /*) compgen -G "$1" >/dev/null ;;
    *) command -v "$1" >/dev/null ;;
  esac
}

# Prints the first of the given package names that apt can install.
available() {
  local name
  for name in "$@"; do
    if [[ "$(apt-cache policy "$name")" == *"Candidate: "[!\(]* ]]; then
      echo "$name"
      return
    fi
  done
  return 1
}

install_packages() {
  local probe names package packages=()
  [ "$(id -u)" = 0 ] || die "missing packages: root is needed to install them: ${missing[*]}"
  command -v apt-get >/dev/null || die "missing tool: apt-get: this needs Debian or Ubuntu"
  available "${missing[0]%% *}" >/dev/null || apt-get -qq update
  for names in "${missing[@]}"; do
    # shellcheck disable=SC2086 # the names are words
    package=$(available $names) || { apt-get -qq update && package=$(available $names); } ||
      die "missing package: $names: no apt source offers it"
    packages+=("$package")
  done
  echo "setup: installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
  local install=(apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install "${packages[@]}")
  # Package lists that are too old name versions the mirror no longer has.
  "${install[@]}" >/dev/null </dev/null || { apt-get -qq update && "${install[@]}" >/dev/null </dev/null; } ||
    die "apt-get install failed: ${packages[*]}"
  while read -r probe names; do
    [ -z "$probe" ] || present "$probe" || die "missing tool: $probe: the package $names did not bring it"
  done <<<"$requirements"
}

install_tools() {
  [ "$(uname -m)" = x86_64 ] || die "unsupported machine: $(uname -m): the pinned Deno is for x86_64"
  command -v npm >/dev/null || die "missing tool: npm: install Node.js 18 or later"
  echo "setup: installing Deno $pinned and tools into .tools/"
  cp scripts/tools/package.json scripts/tools/package-lock.json .tools/
  # In the folder, not with --prefix: that would hide the machine's own npm configuration.
  (cd .tools && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) ||
    die "npm ci failed: what scripts/tools/package.json names was not installed"
  mkdir -p .tools/bin
  chmod +x .tools/node_modules/@deno/linux-x64-glibc/deno
  ln -sfn ../node_modules/@deno/linux-x64-glibc/deno .tools/bin/deno
}

# The adapter that makes a command component of a WASI module, for tests: one file of a package whose dependencies
# nothing here needs.
install_adapter() {
  local name=wasi_snapshot_preview1.command.wasm
  local digest=2a652d711c1fff34f9d5a0e073e50ef7eeb8fe7d8a6d559eae643a4c049a7b94
  if ! echo "$digest  .tools/$name" | sha256sum --check --status 2>/dev/null; then
    (cd .tools && npm pack --silent @bytecodealliance/jco@1.35.0 >/dev/null &&
      tar -xzf bytecodealliance-jco-1.35.0.tgz --strip-components=2 "package/lib/$name" &&
      rm bytecodealliance-jco-1.35.0.tgz) ||
      die "npm pack failed: @bytecodealliance/jco was not had"
    echo "$digest  .tools/$name" | sha256sum --check --status ||
      die "wrong file: $name of @bytecodealliance/jco 1.35.0 is not the one that is expected"
  fi
}

install_dependencies() {
  echo "setup: installing the npm dependencies of deno.lock"
  DENO_DIR=$PWD/.tools/deno-dir .tools/bin/deno install --frozen --quiet ||
    die "deno install failed: deno.lock and deno.json disagree, or the npm registry is out of reach"
}

missing=()
while read -r probe names; do
  [ -z "$probe" ] || present "$probe" || missing+=("$names")
done <<<"$requirements"
[ ${#missing[@]} = 0 ] || install_packages

mkdir -p .tools
exec 9>.tools/setup.lock
flock 9
wanted=$(cat scripts/tools/package-lock.json deno.json deno.lock scripts/setup.sh | sha256sum)
if [ ! -x .tools/bin/deno ] || [ ! -d node_modules ] || [ "$(cat .tools/setup.done 2>&1)" != "$wanted" ]; then
  pinned=$(sed -n 's/.*"@deno\/.*": "\([0-9.]*\)".*/\1/p' scripts/tools/package.json)
  if [[ "$(.tools/bin/deno --version 2>&1)" != "deno $pinned "* ]] ||
    ! cmp -s scripts/tools/package-lock.json .tools/package-lock.json; then
    install_tools
  fi
  install_adapter
  install_dependencies
  echo "$wanted" >.tools/setup.done
fi
