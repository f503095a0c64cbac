#!/usr/bin/env bash
# How long snap-volume takes beside its peers, from a bare Debian or Ubuntu as root.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../setup/node.sh
. "$(dirname "${BASH_SOURCE[0]}")/../setup/node.sh"
# shellcheck source-path=SCRIPTDIR source=../setup/engine.sh
. "$(dirname "${BASH_SOURCE[0]}")/../setup/engine.sh"

usage() {
  cat <<HELP
bench/run.sh                          every scenario; writes docs/bench.json, bench.svg and speed.md
bench/run.sh --only unchanged,delete  these scenarios; writes nothing
bench/run.sh --help

Options:
  --files N        how many files the tree has (100000)
  --runs N         how often each contender is timed (5)
  --only NAME,...  first, unchanged, changed, metadata, moved, steady, restore, delete, large, btrfs, memory, pause,
                   questions, archive
  --output DIR     where these three go; with --only, in a report there these scenarios are replaced

It installs what is missing: packages of apt with the peers, a Docker Engine for the scenario pause,
Node 24 in .tools/, node_modules. The data are on loop devices whose files are in TMPDIR and gone at the
end, also after Ctrl-C. Tables go to standard output, what it is doing to standard error.
HELP
}

packages=(acl attr btrfs-progs e2fsprogs gcc libc6-dev util-linux xdelta3 xfsprogs zstd busybox-static)
peers=(borgbackup restic rsnapshot)

set_up() {
  install_packages "${packages[@]}" "${peers[@]}" && require_rsync && prepare_node && install_node_modules && build_dist &&
    prepare_engine
}

for argument in "$@"; do
  if [[ $argument == --help || $argument == -h ]]; then
    usage
    exit 0
  fi
done
require_system
if ! set_up >&2; then
  complain 'the set-up failed: nothing was measured'
  exit 1
fi
trap stop_started_engine EXIT
node "$repository/bench/main.ts" "$@" &
bench=$!
trap 'kill "$bench" 2>/dev/null || true' INT TERM HUP
status=0
wait "$bench" || status=$?
# a signal ends the first wait, not what is waited for
while kill -0 "$bench" 2>/dev/null; do wait "$bench" || status=$?; done
exit "$status"
