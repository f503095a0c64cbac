#!/usr/bin/env bash
# A Docker Engine that answers, or the reason why there is none.
# shellcheck disable=SC2034 # $engine_missing is read by who sources this
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=system.sh
. "$(dirname "${BASH_SOURCE[0]}")/system.sh"

engine_missing=
engine_pid=
engine_service_started=

# Leaves the reason in $engine_missing, empty if `docker info` answers.
# A caller that wants the machine as it was calls stop_started_engine at its end.
prepare_engine() {
  engine_missing=
  engine_answers && return
  if [[ -n ${DOCKER_HOST:-} ]]; then
    engine_missing="the Docker Engine at DOCKER_HOST=$DOCKER_HOST does not answer"
    return
  fi
  if ! install_engine; then
    engine_missing='docker.io could not be installed'
    return
  fi
  engine_answers && return
  if [[ -d /run/systemd/system ]]; then
    start_engine_service
  else
    start_engine_process
  fi
}

engine_answers() {
  timeout 20 docker info >/dev/null 2>&1
}

install_engine() {
  local packages=(docker.io)
  command -v docker >/dev/null && command -v dockerd >/dev/null && return
  # From Debian 13 on the client is a package of its own, only recommended by the Engine's.
  apt-cache show docker-cli >/dev/null 2>&1 && packages+=(docker-cli)
  # With AppArmor in the kernel dockerd does not run a container without its parser.
  [[ $(cat /sys/module/apparmor/parameters/enabled 2>/dev/null) == Y ]] && packages+=(apparmor)
  install_packages "${packages[@]}"
}

start_engine_service() {
  say 'starting the docker service'
  if quietly systemctl start docker && wait_for_engine; then
    engine_service_started=yes
  else
    engine_missing="the docker service does not start: 'journalctl -u docker' tells why"
  fi
}

start_engine_process() {
  local log
  log=$(mktemp --suffix=.dockerd.log)
  say "starting dockerd, its log is $log"
  setsid dockerd >"$log" 2>&1 </dev/null &
  engine_pid=$!
  wait_for_engine && return
  engine_missing="dockerd does not start here: $(why_it_did_not_start "$log")"
  stop_started_engine
}

# The line that tells most, where there is one.
why_it_did_not_start() {
  grep -E 'failed to start daemon|level=fatal' "$1" | tail -n 1 | grep . || tail -n 1 "$1"
}

wait_for_engine() {
  local deadline=$((SECONDS + 60))
  until engine_answers; do
    ((SECONDS < deadline)) || return 1
    [[ -z $engine_pid ]] || kill -0 "$engine_pid" 2>/dev/null || return 1
    sleep 0.2
  done
}

stop_started_engine() {
  if [[ -n $engine_service_started ]]; then
    engine_service_started=
    systemctl stop docker.service docker.socket >/dev/null 2>&1 || true
  fi
  if [[ -n $engine_pid ]]; then
    kill "$engine_pid" 2>/dev/null || true
    wait "$engine_pid" 2>/dev/null || true
    engine_pid=
  fi
}
