#!/usr/bin/env bash
# node:24-bookworm-slim on this machine: pulled, or made from Debian's archive where nothing can be pulled.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=node.sh
. "$(dirname "${BASH_SOURCE[0]}")/node.sh"

base_image=node:24-bookworm-slim
base_suite=bookworm

prepare_base_image() {
  docker image inspect "$base_image" >/dev/null 2>&1 && return
  say "pulling $base_image"
  timeout 180 docker pull --quiet "$base_image" >/dev/null 2>&1 && return
  say "$base_image cannot be pulled, making it from Debian's archive"
  make_base_image && return
  complain "$base_image can neither be pulled nor made: see the lines above;" \
    "check 'docker pull $base_image' or bring it with 'docker load', then run this again"
  return 1
}

make_base_image() {
  local work status=0
  install_packages debootstrap debian-archive-keyring || return
  fetch_portable_node || return
  work=$(mktemp -d)
  # debootstrap gives the directory's mode to / of the image, and apt's own user must enter it.
  mkdir -m 755 "$work/root"
  fill_base_root "$work/root" && import_base_root "$work/root" || status=$?
  rm -rf --one-file-system "$work"
  return "$status"
}

fill_base_root() {
  local root=$1 mirror include=()
  mirror=$(host_archive Debian)
  [[ $mirror == https:* ]] && include=(--include=ca-certificates)
  quietly debootstrap --variant=minbase ${include[@]+"${include[@]}"} "$base_suite" "$root" ${mirror:+"$mirror"} || return
  write_apt_configuration "$root" || return
  install_portable_node "$root" || return
  chroot "$root" groupadd --gid 1000 node || return
  chroot "$root" useradd --uid 1000 --gid node --shell /bin/bash --create-home node || return
  chroot "$root" apt-get clean || return
  rm -rf "$root"/var/lib/apt/lists/* "$root"/var/log/*.log "$root"/tmp/* "$root"/etc/resolv.conf "$root"/etc/hostname
  copy_extra_authorities "$root"
}

# The first address the host's apt uses for an archive with this label; empty on a host of another distribution.
host_archive() {
  # shellcheck disable=SC2016 # the $() are apt's own
  apt-get indextargets --format '$(REPO_URI) $(LABEL)' 'Created-By: Packages' |
    awk -v label="$1" '$2 == label && $1 ~ /^https?:/ && !found { sub("/$", "", $1); print $1; found = 1 }'
}

write_apt_configuration() {
  local root=$1 mirror security
  mirror=$(awk '$1 == "deb" { print $2; exit }' "$root/etc/apt/sources.list")
  mirror=${mirror%/}
  security=$(host_archive Debian-Security)
  cat >"$root/etc/apt/sources.list" <<SOURCES
deb $mirror $base_suite main
deb $mirror $base_suite-updates main
deb ${security:-$mirror-security} $base_suite-security main
SOURCES
  # What the host had to set so that this archive answers it, the image needs as well.
  apt-config dump | grep -E '^Acquire::(Check-Valid-Until|Check-Date|https?::Proxy) ' >"$root/etc/apt/apt.conf.d/90host" || true
  if [[ -e $root/usr/sbin/update-ca-certificates ]]; then
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
  fi
}

install_portable_node() {
  local root=$1 modules=$1/usr/local/lib/node_modules
  local command registry
  mkdir -p "$modules" "$root/usr/local/etc" &&
    cp "$portable_node/bin/node" "$root/usr/local/bin/node" &&
    cp -r "$tools/node_modules/npm" "$modules/npm" || return
  for command in npm npx; do
    ln -s "../lib/node_modules/npm/bin/$command-cli.js" "$root/usr/local/bin/$command" || return
  done
  registry=$(npm config get registry --loglevel=error) || return
  printf 'registry=%s\n' "$registry" >"$root/usr/local/etc/npmrc"
  quietly chroot "$root" npm --version
}

extra_authorities=/usr/local/share/host-ca.crt

# npm in the image must trust whom the host trusts, such as the proxy of a company.
copy_extra_authorities() {
  local root=$1 bundle
  rm -f "$root$extra_authorities"
  for bundle in "${NODE_EXTRA_CA_CERTS:-}" /usr/local/share/ca-certificates/*.crt; do
    [[ -f $bundle ]] || continue
    cat "$bundle" >>"$root$extra_authorities"
  done
}

import_base_root() {
  local root=$1 change=(--change 'CMD ["node"]' --change "LABEL snap-volume.base=made-locally")
  [[ -f $root$extra_authorities ]] && change+=(--change "ENV NODE_EXTRA_CA_CERTS=$extra_authorities")
  tar --directory "$root" --numeric-owner --one-file-system --create . |
    docker import "${change[@]}" - "$base_image" >/dev/null
}
