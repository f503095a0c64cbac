#!/usr/bin/env bash
# A second Docker Engine beside the machine's own: Debian 13's, with Compose 2 and on cgroup v2, as most hosts have it. It
# has namespaces and a root directory of its own, made from Debian's archive, and no network but its own loopback.
#
#   setup/engine-26.sh COMMAND ...   runs a command there, with the images that the tests need
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=base-image.sh
. "$(dirname "${BASH_SOURCE[0]}")/base-image.sh"

second_suite=trixie
second_packages=(docker.io docker-cli docker-compose e2fsprogs iproute2 procps)
second_place=$tools/engine-26
second_host=engine-26
second_engine_missing=
second_engine_pid=
second_cgroup=

# Leaves the reason in $second_engine_missing, empty if it answers.
# A caller that wants the machine as it was calls stop_second_engine at its end.
prepare_second_engine() {
  local why
  second_engine_missing=
  if ! find_cgroup2 >/dev/null; then
    second_engine_missing='no cgroup v2 is mounted here'
  elif ! why=$(unshare "${second_namespaces[@]}" --fork true 2>&1); then
    second_engine_missing="no namespaces can be made here: ${why##*$'\n'}"
  elif ! fetch_portable_node || ! make_second_root; then
    second_engine_missing="Debian $second_suite with its Engine could not be made from the archive"
  elif ! start_second_engine; then
    second_engine_missing="its dockerd does not start: $(tail -n 1 "$second_place/log")"
    stop_second_engine
  fi
}

second_namespaces=(--mount --net --pid --uts --ipc --cgroup)

find_cgroup2() {
  findmnt --noheadings --raw --first-only --types cgroup2 --output TARGET
}

# It is kept for the next time.
make_second_root() {
  local mirror
  [[ -e $second_place/made ]] && return
  install_packages debootstrap debian-archive-keyring || return
  say "making Debian $second_suite with its Docker Engine in $second_place"
  rm -rf --one-file-system "$second_place"
  # debootstrap gives the directory's mode to /
  mkdir -p "$second_place" && mkdir -m 755 "$second_place/root" || return
  mirror=$(host_archive Debian)
  quietly debootstrap --variant=minbase --include="$(IFS=, && echo "${second_packages[*]}")" \
    "$second_suite" "$second_place/root" ${mirror:+"$mirror"} || return
  rm -f "$second_place"/root/var/cache/apt/archives/*.deb
  touch "$second_place/made"
}

start_second_engine() {
  local deadline=$((SECONDS + 90))
  say "starting the Docker Engine of Debian $second_suite on cgroup v2"
  second_cgroup=$(find_cgroup2)/snap-volume-engine-26.$$
  mkdir "$second_cgroup" || return
  # shellcheck disable=SC2016 # the cgroup of who makes a cgroup namespace is the root of it
  setsid bash -c 'echo $$ >"$0/cgroup.procs" && exec unshare "$@"' "$second_cgroup" \
    "${second_namespaces[@]}" --fork --kill-child "$repository/setup/engine-26.sh" --as-init \
    >"$second_place/log" 2>&1 </dev/null &
  second_engine_pid=$!
  # the machine's own would answer before the root is another one
  until [[ $(in_second_engine docker info --format '{{.Name}}' 2>/dev/null) == "$second_host" ]]; do
    ((SECONDS < deadline)) || return
    kill -0 "$second_engine_pid" 2>/dev/null || return
    sleep 0.2
  done
}

# What is pid 1 of the namespaces: makes a root of the directory, then runs the Engine, and reaps what it leaves.
run_as_init() {
  local root=$second_place/root place
  exec 9>"$second_place/lock"
  flock --nonblock 9 || {
    complain 'another run has it'
    return 1
  }
  mount --make-rprivate /
  rm -rf --one-file-system "$root/var/lib/docker"
  mount --bind "$root" "$root"
  mount -t proc proc "$root/proc"
  mount -t sysfs sysfs "$root/sys"
  mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/run"
  # the tests find themselves and their temporary files where they were
  for place in "$repository" "${TMPDIR:-/tmp}"; do
    mkdir -p "$root$place"
    mount --bind "$place" "$root$place"
  done
  # cgroups(7): no process may be where others are given controllers
  mkdir -p "$root/sys/fs/cgroup/init" "$root/before"
  echo $$ >"$root/sys/fs/cgroup/init/cgroup.procs"
  cd "$root"
  # a chroot(2) would forbid user namespaces
  pivot_root . before
  umount --lazy /before
  export PATH=/usr/sbin:/usr/bin:/sbin:/bin
  hostname "$second_host"
  ip link set lo up
  unset DOCKER_HOST
  dockerd &
  wait "$!"
}

# in_second_engine COMMAND ...
in_second_engine() {
  local init
  init=$(pid_of_init) && [[ -n $init ]] || return
  nsenter --target "$init" --mount --net --pid --uts --ipc --cgroup --root \
    env --unset=DOCKER_HOST --chdir="$PWD" PATH="$portable_node/bin:/usr/sbin:/usr/bin:/sbin:/bin" "$@"
}

pid_of_init() {
  local children
  children=$(cat "/proc/$second_engine_pid/task/$second_engine_pid/children" 2>/dev/null) && echo "${children%% *}"
}

# give_second_engine IMAGE ...: those of the machine's own Engine.
give_second_engine() {
  say "giving $* to the second Engine"
  docker save "$@" | in_second_engine docker load --quiet >/dev/null
}

stop_second_engine() {
  local init
  [[ -n $second_engine_pid ]] || return 0
  # and with it all that is in its namespace
  init=$(pid_of_init) && [[ -n $init ]] && kill -KILL "$init"
  wait "$second_engine_pid" 2>/dev/null || true
  second_engine_pid=
  find "$second_cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || true
  rm -rf --one-file-system "$second_place/root/var/lib/docker"
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  if [[ ${1:-} == --as-init ]]; then
    run_as_init
    exit
  fi
  if [[ $# == 0 ]]; then
    complain 'setup/engine-26.sh COMMAND ...: name a command'
    exit 2
  fi
  require_system
  trap stop_second_engine EXIT
  prepare_second_engine
  if [[ -n $second_engine_missing ]]; then
    complain "there is no second Engine: $second_engine_missing"
    exit 1
  fi
  give_second_engine snap-volume:test "$base_image"
  in_second_engine "$@"
fi
