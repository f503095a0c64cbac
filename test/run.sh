#!/usr/bin/env bash
# All tests, from a bare Debian or Ubuntu as root. The last line says how many passed, failed, were skipped.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source-path=SCRIPTDIR source=../setup/engine.sh
. setup/engine.sh
# shellcheck source-path=SCRIPTDIR source=../setup/consumer-images.sh
. setup/consumer-images.sh

steps=(build check shellcheck unit store crash image)
longest_suite=60m

usage() {
  cat <<HELP
test/run.sh                  every step
test/run.sh unit store       these steps only
test/run.sh --help

Steps, in their order:
  build       npm run build
  check       npm run check: format, lint, types, dead code, import directions, workflows
  shellcheck  every shell script
  unit        test/unit: pure parts
  store       test/store: real rsync, ext4, XFS and btrfs on loop devices
  crash       test/crash: killed and cut off at every instant
  image       test/image: the image and a MariaDB in a real Docker Engine

It installs what is missing: packages of apt, Node 24 in .tools/, node_modules, and for the step
image a Docker Engine and the base image. Without an Engine the tests of image are skipped by name.
The last line is 'N passed, N failed, N skipped'; each of the first three steps counts as one test.
HELP
}

parse_arguments() {
  wanted=" ${steps[*]} "
  [[ $# == 0 ]] && return
  local argument
  wanted=' '
  for argument in "$@"; do
    if [[ $argument == --help || $argument == -h ]]; then
      usage
      exit 0
    fi
    if [[ " ${steps[*]} " != *" $argument "* ]]; then
      complain "test/run.sh: there is no step '$argument': choose from ${steps[*]}"
      exit 2
    fi
    wanted+="$argument "
  done
}

is_wanted() {
  [[ $wanted == *" $1 "* ]]
}

set_up() {
  local packages
  read -ra packages -d "" < <(packages_of_wanted_steps) || true
  install_packages ${packages[@]+"${packages[@]}"} &&
    { ! is_wanted store && ! is_wanted crash || require_rsync; } &&
    prepare_node &&
    install_node_modules || return
  engine_missing='the step image was not asked for'
  if is_wanted image; then
    prepare_engine
    # its test says by name when there is none
    docker compose version >/dev/null 2>&1 || install_packages docker-compose || true
  fi
  # the suites run what is built
  if ! is_wanted build; then build_dist || return; fi
  if [[ -n $engine_missing ]]; then export SNAP_VOLUME_TEST_ENGINE_MISSING=$engine_missing; fi
}

packages_of_wanted_steps() {
  if is_wanted shellcheck; then echo shellcheck; fi
  if is_wanted unit; then echo groff-base mandoc; fi
  if is_wanted unit || is_wanted store; then echo zsh; fi
  if is_wanted store || is_wanted crash || is_wanted image; then
    echo acl attr btrfs-progs e2fsprogs libcap2-bin python3 util-linux xfsprogs
  fi
  if is_wanted store || is_wanted crash; then echo strace; fi
}

run_step() {
  case $1 in
    build) run_as_one_test build build_dist ;;
    check) run_as_one_test check npm run --silent check ;;
    shellcheck) run_as_one_test shellcheck check_shell_scripts ;;
    image) run_image_suite ;;
    *) run_suite "$1" ;;
  esac
}

run_as_one_test() {
  local step=$1 began=$SECONDS status=0
  shift
  printf '\n== %s\n' "$step"
  "$@" || status=$?
  record "$step" $((status == 0)) $((status != 0)) 0 "$began"
}

check_shell_scripts() {
  find . \( -name node_modules -o -name .tools -o -name .git \) -prune -o \
    \( -name '*.sh' -o -path ./.ci/run \) -type f -print0 | sort -z | xargs -0 shellcheck --external-sources
}

build_test_images() {
  build_mariadb_image && build_postgres_image && build_redis_image && build_prometheus_image && build_samba_image
}

run_image_suite() {
  local began=$SECONDS
  if [[ -z $engine_missing ]] && ! { prepare_base_image && build_product_image snap-volume:test && build_test_images; }; then
    complain 'the image suite was not run: its images could not be built'
    record image 0 1 0 "$began"
    return
  fi
  run_suite image
}

run_suite() {
  local suite=$1 began=$SECONDS status=0 passed=0 failed=0 skipped=0
  local counts=$scratch/$suite.json
  printf '\n== %s\n' "$suite"
  if [[ -z $(find "test/$suite" -name '*.test.ts' -print -quit 2>/dev/null) ]]; then
    say "there are no tests in test/$suite yet"
    record "$suite" 0 0 0 "$began"
    return
  fi
  SNAP_VOLUME_TEST_COUNTS=$counts timeout --foreground "$longest_suite" \
    node_modules/.bin/mocha --reporter test/support/reporter.mjs "test/$suite/**/*.test.ts" || status=$?
  if [[ $status == 124 ]]; then complain "the suite $suite did not end within $longest_suite"; fi
  if [[ -s $counts ]]; then
    read -r passed failed skipped < <(node -p '
      const { passed, failed, skipped } = JSON.parse(fs.readFileSync(process.argv[1], "utf8"))
      ;[passed, failed, skipped].join(" ")' "$counts")
    failures+=$(node -p '
      JSON.parse(fs.readFileSync(process.argv[1], "utf8")).failures.join("\n\n")' "$counts")
  fi
  if [[ $status != 0 && $failed == 0 ]]; then
    complain "the suite $suite ended with exit code $status though no test failed: counted as 1 failed"
    failed=1
  fi
  record "$suite" "$passed" "$failed" "$skipped" "$began"
}

rows=()
failures=
total_passed=0
total_failed=0
total_skipped=0

# record STEP PASSED FAILED SKIPPED BEGAN
record() {
  rows+=("$(printf '%-12s %7d %7d %7d %6d s' "$1" "$2" "$3" "$4" $((SECONDS - $5)))")
  ((total_passed += $2, total_failed += $3, total_skipped += $4)) || true
}

print_counts() {
  if [[ -n $failures ]]; then printf '\nfailed:\n\n%s\n' "$failures"; fi
  printf '\n%-12s %7s %7s %7s %8s\n' step passed failed skipped time
  printf '%s\n' "${rows[@]}"
  printf '\n%d passed, %d failed, %d skipped\n' "$total_passed" "$total_failed" "$total_skipped"
}

# Silent, because the counts are the last line.
clean_up() {
  sweep_engine
  unmount_scratch
  rm -rf --one-file-system "$scratch"
  stop_started_engine
} >/dev/null 2>&1

sweep_engine() {
  local filter=(--quiet --filter "label=snap-volume-test=$SNAP_VOLUME_TEST_RUN")
  [[ -z $engine_missing ]] && command -v docker || return 0
  # Its tests leave a Swarm alone that is there already.
  if docker service ls "${filter[@]}" | grep -q .; then docker swarm leave --force || true; fi
  docker ps --all "${filter[@]}" | xargs --no-run-if-empty docker rm --force --volumes || true
  docker volume ls "${filter[@]}" | xargs --no-run-if-empty docker volume rm --force || true
  docker network ls "${filter[@]}" | xargs --no-run-if-empty docker network rm || true
}

unmount_scratch() {
  local mountpoint
  while read -r mountpoint; do
    umount "$mountpoint" || umount --lazy "$mountpoint" || true
  done < <(findmnt --raw --noheadings --output TARGET | grep -F "$scratch/" | tac)
}

parse_arguments "$@"
require_system

# The tests' temporary files: one place to look for what a killed test left mounted.
scratch=$(mktemp -d -t snap-volume-test.XXXXXX)
export TMPDIR=$scratch SNAP_VOLUME_TEST_RUN=${scratch##*.}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if set_up; then
  for step in "${steps[@]}"; do
    if is_wanted "$step"; then run_step "$step"; fi
  done
else
  complain 'the set-up failed: no test was run'
  record set-up 0 1 0 0
fi
print_counts
[[ $total_failed == 0 ]]
