#!/usr/bin/env bash
# test/run-file.sh FILE: runs a file of tests, or all of test/unit, for test/run.sh, which names the run ($RUN) and where
# the result is left ($RESULTS): NAME.counts (passed, failed, skipped, seconds) and NAME.failures.
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
  timeout --foreground "$longest" node_modules/.bin/mocha --reporter test/support/reporter.mjs "$files"
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
