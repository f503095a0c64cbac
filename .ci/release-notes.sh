#!/usr/bin/env bash
# release-notes.sh TAG prints what CHANGELOG.md says of the version that the tag names.
# It fails when package.json has another version, or CHANGELOG.md nothing to say.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
tag=$1
version=${tag#v}

fail() {
  printf '%s\n' "release-notes.sh: $*" >&2
  exit 1
}

packaged=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
[[ $tag == "v$packaged" ]] ||
  fail "the tag is $tag and the version in package.json $packaged: set one of them right"

# From the heading of the version (## 1.2.3 - 2026-11-30) to the next one.
notes=$(awk -v version="$version" '/^## / { is_of_version = ($2 == version); next } is_of_version' CHANGELOG.md)
[[ $notes == *[![:space:]]* ]] ||
  fail "CHANGELOG.md has nothing under '## $version': make that of what is under '## Unreleased'"
sed '/./,$!d' <<<"$notes"
