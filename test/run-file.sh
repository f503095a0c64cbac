#!/usr/bin/env bash
# test/run-file.sh FILE: runs a file of tests, or all of test/unit, for test/run.sh, which names the run ($RUN) and where
# the result is left ($RESULTS): NAME.counts (passed, failed, skipped, seconds) and NAME.failures. test/engine-26/X is
# test/image/X on the second Engine ($SECOND_ENGINE_PID, or $SECOND_ENGINE_MISSING).
set -euo pipefail

longest=40m
name=${1//\//-}
result=$RESULTS/$name
export SNAP_VOLUME_TEST_RUN=$RUN.$name SNAP_VOLUME_TEST_COUNTS=$result.json

# Several run at once: what one prints is shown in one piece.
show() {
  flock "$RESULTS" cat "$result.log"
}

run_mocha() {
  local files=$1
  [[ -d $files ]] && files+='/**/*.test.ts'
  case $files in
    test/engine-26/*) run_on_second_engine "test/image/${files##*/}" ;;
    *) mocha "$files" ;;
  esac
}

mocha() {
  timeout --foreground "$longest" node_modules/.bin/mocha --reporter test/support/reporter.mjs "$@"
}

run_on_second_engine() {
  local options=()
  # the others need images of their own
  [[ $1 != */database-examples.test.ts ]] || options=(--grep sqlite.yaml)
  if [[ -n $SECOND_ENGINE_MISSING ]]; then
    SNAP_VOLUME_TEST_ENGINE_MISSING="no second Engine: $SECOND_ENGINE_MISSING" mocha "$1" ${options[@]+"${options[@]}"}
    return
  fi
  # shellcheck source-path=SCRIPTDIR source=../setup/engine-26.sh
  . setup/engine-26.sh
  # shellcheck disable=SC2153 # test/run.sh exports it
  second_engine_pid=$SECOND_ENGINE_PID
  fetch_portable_node
  # random kills are for the first Engine
  SNAP_VOLUME_TEST_KILLS=${SNAP_VOLUME_TEST_KILLS:-10} in_second_engine timeout --foreground "$longest" \
    node_modules/.bin/mocha --reporter test/support/reporter.mjs ${options[@]+"${options[@]}"} "$1"
}

began=$SECONDS status=0 passed=0 failed=0 skipped=0
run_mocha "$1" >"$result.log" 2>&1 </dev/null || status=$?
if [[ -s $result.json ]]; then
  read -r passed failed skipped < <(node -p '
    const { passed, failed, skipped } = JSON.parse(fs.readFileSync(process.argv[1], "utf8"))
    ;[passed, failed, skipped].join(" ")' "$result.json")
  if ((failed > 0)); then
    node -p 'JSON.parse(fs.readFileSync(process.argv[1], "utf8")).failures.join("\n\n")' "$result.json" >"$result.failures"
  fi
fi
if [[ $status != 0 && $failed == 0 ]]; then
  if [[ $status == 124 ]]; then why="did not end within $longest"; else why="ended with exit code $status though no test failed"; fi
  echo "$1 $why: counted as 1 failed" | tee -a "$result.failures" >>"$result.log"
  failed=1
fi
seconds=$((SECONDS - began))
sed -i "1i== $1 ($seconds s)" "$result.log"
show
echo "$passed $failed $skipped $seconds" >"$result.counts"
