#!/usr/bin/env bash
# The ground the other set-up steps stand on: Debian or Ubuntu, root, packages of apt.
set -euo pipefail

say() {
  printf '%s\n' "-- $*"
}

complain() {
  printf '%s\n' "$*" >&2
}

# Prints one line for each thing that is missing; exits 1 if there is any.
require_system() {
  local missing=0
  if [[ $(uname -s) != Linux ]]; then
    complain "this is $(uname -s), not Linux: run it on Debian or Ubuntu, for instance in a virtual machine"
    missing=1
  elif ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
    complain 'there is no apt-get: run it on Debian or Ubuntu, for instance in a virtual machine'
    missing=1
  fi
  if [[ $(id -u) != 0 ]]; then
    complain "you are $(id -un), not root: run it again with sudo (it installs packages and mounts filesystems)"
    missing=1
  fi
  [[ $missing == 0 ]] || exit 1
}

is_installed() {
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# Installs those of the named packages that are missing; asks the archive only if there are any.
install_packages() {
  local package missing=()
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  [[ ${#missing[@]} == 0 ]] && return
  say "installing ${missing[*]} with apt-get"
  fetch_packages "${missing[@]}" && return
  say 'apt-get failed, trying once more'
  fetch_packages "${missing[@]}" && return
  complain "apt-get could not install ${missing[*]}: see its lines above, repair /etc/apt/sources.list*, then run this again"
  return 1
}

fetch_packages() {
  quietly apt-get -q -o DPkg::Lock::Timeout=300 update &&
    DEBIAN_FRONTEND=noninteractive quietly apt-get -q -y -o DPkg::Lock::Timeout=300 \
      -o Dpkg::Use-Pty=0 install --no-install-recommends "$@"
}

# Runs a command and shows what it printed only if it fails.
quietly() {
  local output status=0
  output=$("$@" 2>&1 </dev/null) || status=$?
  [[ $status == 0 ]] || tail -n 100 <<<"$output" >&2
  return "$status"
}

# Older ones, run as root, follow symlinks that the owner of the tree swaps in while they copy (CVE-2026-53795).
oldest_safe_rsync=3.5.0

require_rsync() {
  install_packages rsync || return
  rsync_is_safe && return
  say "upgrading rsync $(rsync_version)"
  fetch_packages rsync || true
  rsync_is_safe && return
  complain "rsync $(rsync_version) is too old, $oldest_safe_rsync or newer is needed: Debian has it in its security archive," \
    "so add the suite '$(codename)-security' (component main) to /etc/apt/sources.list," \
    'then run apt-get update && apt-get install rsync; elsewhere install it from source (rsync.samba.org)'
  return 1
}

rsync_version() {
  rsync --version | sed -n '1s/^rsync *version v\{0,1\}\([0-9.]*\).*/\1/p'
}

rsync_is_safe() {
  dpkg --compare-versions "$(rsync_version)" ge "$oldest_safe_rsync"
}

codename() {
  sed -n 's/^VERSION_CODENAME=//p' /etc/os-release
}
