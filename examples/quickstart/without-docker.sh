#!/usr/bin/env bash
# Plain files on this host, and snap-volume as a program.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=narrate.sh
. examples/quickstart/narrate.sh
# shellcheck source-path=SCRIPTDIR source=../../setup/node.sh
. setup/node.sh

daemon=

# tell_without_docker SCRATCH
tell_without_docker() {
  headline 'Files on this host, and no container: a snapshot, an accident, and the way back.'
  { require_rsync && prepare_node && install_node_modules && build_dist; } ||
    fail 'the set-up failed: see the lines above'
  local place=$1 repository=$PWD
  # an Engine that is named and does not answer would keep the restore away
  unset DOCKER_HOST

  step 'Go to an empty directory and make the program, built from the repository, a command there.'
  run "cd $place"
  run "mkdir bin && ln -s '$repository/dist/main.js' bin/snap-volume"
  run "PATH=$place/bin:\$PATH"

  step 'Write some files.'
  run 'mkdir -p data/orders'
  run "echo 'apple 120, cherry 900, plum 75' > data/stock.txt"
  run "echo 'three apples for Ann' > data/orders/1.txt"
  run "echo 'ten plums for Bob' > data/orders/2.txt"
  local show_files="grep -r '' data | sort" before after
  before=$(run "$show_files")
  printf '%s\n' "$before"

  step 'Start snap-volume: it takes a snapshot of these files every day at 3:00 GMT.'
  run "export SNAP_DIR=$place/snapshots"
  run "snap-volume start data:$place/data > log 2>&1 &"
  daemon=$!
  wait_for_daemon
  run 'cat log'

  step 'Take a snapshot now.'
  run "snap-volume snapshot -m 'before the clean-up'"

  step 'Look at it: a snapshot is a directory of plain files.'
  run 'snap-volume show'
  run 'ls -l snapshots/@GMT-*/data'

  step 'The accident: somebody deletes the orders and spoils the stock.'
  run 'rm -r data/orders'
  run "echo 'apple ???' > data/stock.txt"
  run "$show_files"

  step 'Ask what a restore would do; nothing is changed yet.'
  run 'snap-volume restore latest --dry-run'

  step 'Restore; what it replaces is kept, as a snapshot too.'
  run 'snap-volume restore latest --yes'

  step 'Look for the files.'
  after=$(run "$show_files") || true
  printf '%s\n' "$after"
  cd "$repository"
  [[ $after == "$before" ]] || fail 'the files did not come back'
}

wait_for_daemon() {
  local deadline=$((SECONDS + 30))
  until grep -q ' started: ' log 2>/dev/null; do
    kill -0 "$daemon" 2>/dev/null || fail "snap-volume start has ended: $(cat log)"
    ((SECONDS < deadline)) || fail 'snap-volume start does not say that it started, after 30 seconds'
    sleep 0.1
  done
}

stop_daemon() {
  if [[ -n $daemon ]]; then
    kill "$daemon" 2>/dev/null || true
    wait "$daemon" 2>/dev/null || true
    daemon=
  fi
}

print_what_next_without_docker() {
  headline 'That was it. The files came back, and all that was started here is removed again.'
  local node
  node=$(command -v node)
  cat <<NEXT
Try next:
  ${node#"$PWD"/} dist/main.js help
                                          all commands, with examples
  examples/README.md                      how to install it, as a service too, and the sidecar in Compose
  examples/systemd/snap-volume.service    the service
NEXT
}
