#!/usr/bin/env bash
# All tests, from a bare Debian or Ubuntu as root. The last line says how many passed, failed, were skipped.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source-path=SCRIPTDIR source=../setup/engine.sh
. setup/engine.sh
# shellcheck source-path=SCRIPTDIR source=../setup/consumer-images.sh
. setup/consumer-images.sh
# shellcheck source-path=SCRIPTDIR source=../setup/engine-26.sh
. setup/engine-26.sh

steps=(build check shellcheck unit crash image engine-26 store)

# Of the tests of the image, those that hang on the Engine and need no image but ours.
files_on_second_engine=(database-examples docker-api frozen-consumer hold-faults hooks quiesce resume)

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
  crash       test/crash: killed and cut off at any instant
  image       test/image: the image and databases in a real Docker Engine
  engine-26   those of them that hang on the Engine, and Compose 2, once more on the Engine of Debian 13
              with cgroup v2, beside the machine's own (setup/engine-26.sh)
  store       test/store: real rsync; ext4, XFS and btrfs on loop devices, and filesystems by FUSE

The files of the last four run side by side, as many at once as there are processors (TEST_LANES
for another number), each in a mocha of its own, those of test/slowest-first.txt first.

With SNAP_VOLUME_TEST_THOROUGH=1 all crash points and rounds are tried, else a sample that is another
one each time: a title with SNAP_VOLUME_TEST_SEED=N says how to try the same one again. Of the files
in test/in-turns.txt a run tries every fifth one (SNAP_VOLUME_TEST_TURN=0 to 4).

It installs what is missing: packages of apt, Node 24 in .tools/, node_modules, and for the step
image a Docker Engine and the base image. Without an Engine the tests of image are skipped by name, and
where there can be no second one those of engine-26.
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
    { ! is_wanted store || install_what_there_is "${filesystem_packages[@]}"; } &&
    { ! is_wanted store && ! is_wanted crash || require_rsync; } &&
    prepare_node &&
    install_node_modules || return
  engine_missing='no step that needs one was asked for'
  if is_wanted image || is_wanted engine-26; then
    prepare_engine
    # its test says by name when there is none
    docker compose version >/dev/null 2>&1 || install_packages docker-compose || true
  fi
  # the suites run what is built
  if ! is_wanted build; then build_dist || return; fi
  if [[ -n $engine_missing ]]; then export SNAP_VOLUME_TEST_ENGINE_MISSING=$engine_missing; fi
  if is_wanted engine-26; then set_up_second_engine; fi
}

set_up_second_engine() {
  if [[ -n $engine_missing ]]; then
    second_engine_missing="there is no Engine to take images from: $engine_missing"
  elif [[ $(docker info --format '{{.CgroupVersion}} {{.ServerVersion}}') =~ ^2\ (2[6-9]|[3-9][0-9])\. ]]; then
    second_engine_missing="the machine's own Engine is on cgroup v2, and as new"
  else
    prepare_second_engine
  fi
}

# For filesystems that keep less than others do.
filesystem_packages=(bindfs exfat-fuse exfatprogs fuse3 ntfs-3g openssh-sftp-server squashfs-tools sshfs)

# Tests of what cannot be installed are skipped by name.
install_what_there_is() {
  local package missing=()
  for package in "$@"; do
    is_installed "$package" || missing+=("$package")
  done
  [[ ${#missing[@]} == 0 ]] && return
  say "installing ${missing[*]} with apt-get"
  fetch_packages "${missing[@]}" 2>/dev/null && return
  for package in "${missing[@]}"; do
    fetch_packages "$package" || say "there is no $package here"
  done
}

packages_of_wanted_steps() {
  if is_wanted shellcheck; then echo shellcheck; fi
  if is_wanted unit; then echo groff-base mandoc; fi
  if is_wanted unit || is_wanted store; then echo zsh; fi
  if is_wanted store || is_wanted crash || is_wanted image || is_wanted engine-26; then
    echo acl attr btrfs-progs e2fsprogs libcap2-bin procps python3 util-linux xdelta3 xfsprogs zstd
  fi
  if is_wanted store || is_wanted crash; then echo strace; fi
  if is_wanted store; then echo libfaketime; fi
}

run_as_one_test() {
  local step=$1 began=$SECONDS status=0
  shift
  printf '\n== %s\n' "$step"
  "$@" || status=$?
  record "$step" $((status == 0)) $((status != 0)) 0 $((SECONDS - began))
}

check_shell_scripts() {
  find . \( -name node_modules -o -name .tools -o -name .git \) -prune -o \
    \( -name '*.sh' -o -path ./.ci/run \) -type f -print0 | sort -z | xargs -0 shellcheck --external-sources
}

build_test_images() {
  prepare_base_image && build_product_image snap-volume:test &&
    build_mariadb_image && build_postgres_image && build_redis_image && build_prometheus_image && build_samba_image
}

# Runs the files of these suites side by side, in lanes, and counts what they leave in $results.
run_suites() {
  local suite files=()
  for suite in "$@"; do
    if ! prepare_images "$suite"; then
      complain "the suite $suite was not run: its images could not be built"
      record "$suite" 0 1 0 0
      continue
    fi
    while read -r file; do files+=("$file"); done < <(files_of "$suite" | in_turn)
  done
  [[ ${#files[@]} != 0 ]] || return 0
  slowest_first "${files[@]}" | tr '\n' '\0' |
    RUN=$run RESULTS=$results SECOND_ENGINE_PID=$second_engine_pid SECOND_ENGINE_MISSING=$second_engine_missing \
      xargs -0 -n 1 -P "${TEST_LANES:-$(nproc)}" test/run-file.sh || true
  for suite in "$@"; do count_suite "$suite" "${files[@]}"; done
}

prepare_images() {
  case $1 in
    image) [[ -n $engine_missing ]] || build_test_images ;;
    engine-26)
      [[ -n $second_engine_missing ]] ||
        { prepare_base_image && build_product_image snap-volume:test && give_second_engine snap-volume:test "$base_image"; }
      ;;
  esac
}

# A long file that begins last would keep one lane busy when the others have nothing left to do.
slowest_first() {
  printf '%s\n' "$@" | grep -Fx -f - test/slowest-first.txt || true
  printf '%s\n' "$@" | grep -Fxv -f test/slowest-first.txt || true
}

# Of the files in test/in-turns.txt a run tries every fifth one. SNAP_VOLUME_TEST_TURN (0 to 4) says which, or
# chance does. The longest come first there, so that each fifth takes about as long.
in_turn() {
  if [[ ${SNAP_VOLUME_TEST_THOROUGH:-0} == 1 ]]; then cat; else
    awk -v turn="$turn" 'NR == FNR { if (FNR % 5 != turn) left[$0]; next } !($0 in left)' test/in-turns.txt -
  fi
}

# Pure tests are too short for a process each.
files_of() {
  case $1 in
    unit) echo test/unit ;;
    engine-26) printf 'test/engine-26/%s.test.ts\n' "${files_on_second_engine[@]}" ;;
    *) find "test/$1" -name '*.test.ts' | sort ;;
  esac
}

# count_suite SUITE FILES: a file that left no result ended before its tests did.
count_suite() {
  local suite=$1 file result passed=0 failed=0 skipped=0 seconds=0 counts
  for file in "${@:2}"; do
    [[ $file == "test/$suite" || $file == "test/$suite/"* ]] || continue
    result=$results/${file//\//-}
    if ! read -ra counts < <(cat "$result.counts" 2>/dev/null); then
      failures+=$'\n'"$file: it ended before its tests did"
      counts=(0 1 0 0)
    fi
    ((passed += counts[0], failed += counts[1], skipped += counts[2], seconds += counts[3])) || true
    if [[ -s $result.failures ]]; then failures+=$'\n'$(<"$result.failures"); fi
  done
  if ((passed + failed + skipped > 0)); then record "$suite" "$passed" "$failed" "$skipped" "$seconds"; fi
}

turn=${SNAP_VOLUME_TEST_TURN:-$((RANDOM % 5))}
rows=()
failures=
total_passed=0
total_failed=0
total_skipped=0

# record STEP PASSED FAILED SKIPPED SECONDS
record() {
  rows+=("$(printf '%-12s %7d %7d %7d %6d s' "$1" "$2" "$3" "$4" "$5")")
  ((total_passed += $2, total_failed += $3, total_skipped += $4)) || true
}

print_counts() {
  if [[ ${SNAP_VOLUME_TEST_THOROUGH:-0} != 1 ]]; then say "a fifth of test/in-turns.txt: SNAP_VOLUME_TEST_TURN=$turn"; fi
  if [[ -n $failures ]]; then printf '\nfailed:\n%s\n' "$failures"; fi
  printf '\n%-12s %7s %7s %7s %8s\n' step passed failed skipped time
  printf '%s\n' "${rows[@]}"
  printf '\n%d passed, %d failed, %d skipped\n' "$total_passed" "$total_failed" "$total_skipped"
}

# On a disk the flush of one test waits for what all others wrote: their files are on an ext4 in memory where there is enough.
work_in_memory() {
  local tests=$scratch/tests memory=$scratch/memory
  (($(awk '$1 == "MemAvailable:" { print int($2 / 1024 / 1024) }' /proc/meminfo) >= 12)) || return 0
  mkdir "$tests" "$memory"
  mount -t tmpfs -o size=9g,mode=700 tmpfs "$memory" && truncate -s 8G "$memory/image" &&
    mkfs.ext4 -q -F -m 0 "$memory/image" && mount -o loop,discard "$memory/image" "$tests" || return 0
  export TMPDIR=$tests
} >/dev/null 2>&1

# Silent, because the counts are the last line.
clean_up() {
  stop_second_engine
  sweep_engine
  unmount_scratch
  rm -rf --one-file-system "$scratch"
  stop_started_engine
} >/dev/null 2>&1

# Every file of tests labels what it makes with the name of this run and its own.
sweep_engine() {
  [[ -z $engine_missing ]] && command -v docker || return 0
  # Its tests leave a Swarm alone that is there already.
  if docker service ls --quiet --filter "label=snap-volume-test=$run.test-image-swarm-example.test.ts" | grep -q .; then
    docker swarm leave --force || true
  fi
  left_by_this_run .ID ps --all | xargs --no-run-if-empty docker rm --force --volumes || true
  left_by_this_run .Name volume ls | xargs --no-run-if-empty docker volume rm --force || true
  left_by_this_run .ID network ls | xargs --no-run-if-empty docker network rm || true
}

# left_by_this_run .FIELD DOCKER_COMMAND prints the field of each.
left_by_this_run() {
  docker "${@:2}" --filter label=snap-volume-test --format "{{$1}} {{.Label \"snap-volume-test\"}}" |
    awk -v prefix="$run." 'index($2, prefix) == 1 { print $1 }'
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
export TMPDIR=$scratch
run=${scratch##*.}
results=$scratch/results
mkdir "$results"
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Each test starts the program and Node anew.
export NODE_COMPILE_CACHE=$scratch/compile-cache

if set_up; then
  if is_wanted crash || is_wanted store; then work_in_memory; fi
  if is_wanted build; then run_as_one_test build build_dist; fi
  if is_wanted check; then run_as_one_test check npm run --silent check; fi
  if is_wanted shellcheck; then run_as_one_test shellcheck check_shell_scripts; fi
  suites=()
  for step in unit crash image engine-26 store; do
    if is_wanted "$step"; then suites+=("$step"); fi
  done
  run_suites ${suites[@]+"${suites[@]}"}
else
  complain 'the set-up failed: no test was run'
  record set-up 0 1 0 0
fi
print_counts
[[ $total_failed == 0 ]]
