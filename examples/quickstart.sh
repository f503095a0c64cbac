#!/usr/bin/env bash
# The whole story, from a bare Debian or Ubuntu as root: a database whose volume is snapshotted, an accident,
# and the way back. Where no Docker Engine can run, the same with plain files.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source-path=SCRIPTDIR source=../setup/engine.sh
. setup/engine.sh
# shellcheck source-path=SCRIPTDIR source=quickstart/narrate.sh
. examples/quickstart/narrate.sh
# shellcheck source-path=SCRIPTDIR source=quickstart/with-docker.sh
. examples/quickstart/with-docker.sh
# shellcheck source-path=SCRIPTDIR source=quickstart/without-docker.sh
. examples/quickstart/without-docker.sh

usage() {
  cat <<HELP
examples/quickstart.sh                    a MariaDB in Docker: snapshot, accident, restore
examples/quickstart.sh --without-docker   the same with plain files and no container
examples/quickstart.sh --help

It says at each step what it does, and prints the command before it runs it. Run it as root on
Debian or Ubuntu. What is missing it installs: a Docker Engine, or rsync and Node 24 for the story
without Docker. At the end it removes what it started and wrote; packages and images stay.
HELP
}

parse_arguments() {
  without_docker=
  local argument
  for argument in "$@"; do
    case $argument in
      --without-docker) without_docker=yes ;;
      --help | -h)
        usage
        exit 0
        ;;
      *)
        complain "quickstart.sh: there is no option '$argument': see examples/quickstart.sh --help"
        exit 2
        ;;
    esac
  done
}

tell_story() {
  if [[ -z $without_docker ]]; then
    prepare_engine
    if [[ -n $engine_missing ]]; then
      echo "No Docker Engine can run here ($engine_missing), so this is the story without Docker."
      without_docker=yes
    fi
  fi
  if [[ -n $without_docker ]]; then
    tell_without_docker "$scratch"
  else
    tell_with_docker
  fi
}

on_exit() {
  local status=$?
  trap '' HUP INT TERM
  case $status in
    0 | 129 | 130 | 143) ;;
    *)
      complain "${red}quickstart.sh: the story ends here with exit code $status, the lines above say why$plain"
      show_container_logs
      ;;
  esac
  clean_up
  exit "$status"
}

clean_up() {
  remove_containers
  stop_daemon
  stop_started_engine
  rm -rf --one-file-system "$scratch"
}

parse_arguments "$@"
require_system
choose_colours
# What is set for a store of the person's own is not for this one.
unset "${!SNAP_@}"
scratch=$(mktemp -d -t quickstart.XXXXXX)
# The set-up leaves its temporary files, such as the log of dockerd, in here.
export TMPDIR=$scratch
trap on_exit EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

tell_story
engine_was_started=$engine_pid$engine_service_started
clean_up
if [[ -n $without_docker ]]; then
  print_what_next_without_docker
else
  print_what_next_with_docker "$engine_was_started"
fi
