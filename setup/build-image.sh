#!/usr/bin/env bash
# Images from Dockerfiles of this repository, the same with the legacy builder and with BuildKit.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=node.sh
. "$(dirname "${BASH_SOURCE[0]}")/node.sh"

build_product_image() {
  local tag=$1 version commit
  version=$(node -p 'require(process.argv[1]).version' "$repository/package.json")
  commit=$(git -C "$repository" rev-parse HEAD 2>/dev/null) || commit=unknown
  build_image "$tag" "$repository" --build-arg "VERSION=$version" --build-arg "COMMIT=$commit"
}

# build_image TAG DIRECTORY [OPTION ...]
build_image() {
  local tag=$1 directory=$2
  shift 2
  say "building the image $tag"
  # The host's network: a mirror or a proxy on the host's own loopback stays in reach.
  quietly docker build --force-rm --network host --tag "$tag" "$@" "$directory" && return
  complain "docker build of $tag from $directory failed: see its lines above"
  return 1
}
