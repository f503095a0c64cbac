#!/bin/sh
# Rebuilds a volume from the archives of snap-volume, with tar, zstd and xdelta3 alone:
#
#   sh restore.sh ARCHIVE ... TARGET
#
# The archives are a chain: a full one first, then each increment in its order. TARGET must not exist, or be an
# empty directory. Nothing is in it before all is rebuilt and verified. docs/archives.md describes the format.
set -eu
unset TAR_OPTIONS ZSTD_CLEVEL ZSTD_NBTHREADS XDELTA
LC_ALL=C
export LC_ALL
umask 077

usage() {
  cat <<'HELP'
sh restore.sh ARCHIVE ... TARGET             rebuild TARGET from a full archive and the increments after it
sh restore.sh --devices ARCHIVE ... TARGET   the same of a volume that has device files, else they are refused
sh restore.sh --digest DIRECTORY             the digest of a tree, which .snap-volume/archive names "listing"

Needs tar, zstd, find, awk, and for increments xdelta3 (Debian: apt-get install tar zstd findutils mawk xdelta3).
Run it as root to get owners and all attributes back.
HELP
}

fail() {
  printf 'restore.sh: %s\n' "$1" >&2
  exit 1
}

need() {
  command -v "$1" >/dev/null 2>&1 ||
    fail "$1 is not installed: install it, then run this again (Debian: apt-get install $2)"
}

# list_tree DIRECTORY all|names: a line for each entry but sockets, in the order of the bytes of the paths. The names of
# one file are told by the first of them. find(1) prints it, so that the program can print the same.
list_tree() (
  cd "$1"
  case $2 in
    all) before='%m %U %G' after='%T@' ;;
    *) before='-' after='-' ;;
  esac
  find . -xdev ! -type s \
    \( -type f -printf "%P//%i %y $before %s $after\\0" -o -printf "%P//%i %y $before - $after %l\\0" \) |
    tr '\n\0' '\001\n' | sort |
    awk '{
      at = index($0, "//")
      path = substr($0, 1, at - 1)
      rest = substr($0, at + 2)
      space = index(rest, " ")
      inode = substr(rest, 1, space - 1)
      if (!(inode in first)) first[inode] = path
      print path "//" first[inode] substr(rest, space)
    }'
)

digest_tree() {
  list_tree "$1" "$2" | sha256sum | cut -c 1-64
}

# One digest of the contents of all files.
digest_contents() (
  cd "$1"
  find . -xdev -type f -print0 | sort -z | xargs -0 -r sha256sum -z -- | sha256sum | cut -c 1-64
)

# For lists of paths in an archive, which may be hostile: no path leads out, and none goes through a link. Whoever
# begins with it is called by xargs(1), which ends when it exits with 255.
# shellcheck disable=SC2016 # another shell expands it
checks='
  refuse() { printf "restore.sh: refused: %s\n" "$1" >&2; exit 255; }
  number() { case $1 in "" | *[!0-9]*) refuse "$1 is no number" ;; esac; }
  inside() {
    case "/$1/" in *//* | */../* | */./*) refuse "$1 leads out of the volume" ;; esac
    above= rest=$1
    while case $rest in */*) true ;; *) false ;; esac; do
      above=$above${rest%%/*} rest=${rest#*/}
      [ ! -L "./$above" ] || refuse "$1 is behind a symbolic link"
      above=$above/
    done
  }
  is_there() { [ -e "./$1" ] || [ -L "./$1" ]; }
  absent() { if is_there "$1"; then refuse "$1 is there already"; fi; }
  file() { [ -f "./$1" ] && [ ! -L "./$1" ] || refuse "the base has no file $1"; }
'

# each LIST WORDS SCRIPT: runs it in the tree with many words of a list at a time, so many of which belong together.
each() {
  [ -s "$1" ] || return 0
  (cd "$tree" && xargs -0 -n "$(($2 * 200))" sh -c "$checks $3" sh <"$1") ||
    fail "the lists of $name do not fit to its base: give the archives of one chain, in their order, as they were exported"
}

# prepare_tree: makes of the base what the members of the archive are then extracted over. Nothing is written into a
# file of the base, which may be shared.
prepare_tree() {
  export meta work
  mkdir "$work/linked" "$work/patched"
  # shellcheck disable=SC2016
  each "$meta/linked" 3 '
    while [ $# -gt 0 ]; do
      number "$1"; inside "$3"; is_there "$3" || refuse "the base has no $3"
      [ ! -d "./$3" ] || [ -L "./$3" ] || refuse "$3 is a directory"
      ln -P -- "./$3" "$work/linked/$1" || exit 255
      shift 3
    done'
  if [ -s "$meta/patched" ]; then need xdelta3 xdelta3; fi
  # no file is larger than all of them, whatever a patch says
  largest=$(($(field bytes) / 512 + 1))
  export largest
  # shellcheck disable=SC2016
  each "$meta/patched" 4 '
    while [ $# -gt 0 ]; do
      number "$1"; inside "$2"; file "$2"
      [ "$(sha256sum <"./$2" | cut -c 1-64)" = "$3" ] || refuse "$2 in the base is not what it was"
      (ulimit -f "$largest" && xdelta3 -d -q -D -s "./$2" "$meta/patches/$1" "$work/patched/$1") || exit 255
      [ "$(sha256sum <"$work/patched/$1" | cut -c 1-64)" = "$4" ] || refuse "$2 is not what it should be"
      cp --attributes-only --preserve=all -- "$meta/patches/$1" "$work/patched/$1" || exit 255
      shift 4
    done'
  # shellcheck disable=SC2016
  each "$meta/remade" 1 '
    for path; do
      [ "$path" = . ] || inside "$path"
      [ -d "./$path" ] && [ ! -L "./$path" ] || refuse "the base has no directory $path"
      mkdir "$work/remade"
      find "./$path" -mindepth 1 -maxdepth 1 -exec mv -t "$work/remade" -- {} + || exit 255
      if [ "$path" = . ]; then path=$PWD; else path=./$path; fi
      rmdir -- "$path" && mv -T -- "$work/remade" "$path" || exit 255
    done'
  # shellcheck disable=SC2016
  each "$meta/sockets" 1 '
    for path; do
      inside "$path"
      [ ! -S "./$path" ] || rm -f -- "./$path"
    done'
  # shellcheck disable=SC2016
  each "$meta/deleted" 1 '
    for path; do inside "$path"; is_there "$path" || refuse "the base has no $path"; done
    rm -rf --one-file-system -- "$@" || exit 255'
  # shellcheck disable=SC2016
  each "$meta/linked" 3 '
    while [ $# -gt 0 ]; do
      inside "$2"; absent "$2"
      case $2 in */*) mkdir -p -- "./${2%/*}" || exit 255 ;; esac
      mv -T -- "$work/linked/$1" "./$2" || exit 255
      shift 3
    done'
  # shellcheck disable=SC2016
  each "$meta/patched" 4 '
    while [ $# -gt 0 ]; do
      inside "$2"; file "$2"
      mv -fT -- "$work/patched/$1" "./$2" || exit 255
      shift 4
    done'
  rmdir "$work/linked" "$work/patched"
}

# finish_tree: the second names of pipes and devices, which tar does not keep.
finish_tree() {
  export work
  # shellcheck disable=SC2016
  each "$meta/aliases" 2 '
    while [ $# -gt 0 ]; do
      inside "$1"; inside "$2"
      [ -p "./$2" ] || [ -b "./$2" ] || [ -c "./$2" ] || refuse "$2 is no pipe and no device"
      case $1 in */*) above=./${1%/*} ;; *) above=. ;; esac
      if is_there "$1"; then
        [ -p "./$1" ] || [ -b "./$1" ] || [ -c "./$1" ] || refuse "$1 is no pipe and no device"
      fi
      touch -r "$above" "$work/stamp" && rm -f -- "./$1" && ln -P -- "./$2" "./$1" && touch -r "$work/stamp" "$above" || exit 255
      shift 2
    done'
  rm -f "$work/stamp"
}

field() {
  while IFS='=' read -r key value; do
    if [ "$key" = "$1" ]; then
      printf '%s\n' "$value"
      return
    fi
  done <"$meta/archive"
}

# tar leaves the padding behind the end, and what writes it would be ended for that.
to_tar() {
  status=0
  tar "$@" || status=$?
  cat >/dev/null
  return "$status"
}

# Extracts members of an archive; what tar says is shown when it fails.
extract() {
  if [ "$(id -u)" = 0 ]; then owner=--same-owner; else owner=--no-same-owner; fi
  archive=$1
  shift
  zstd -dcq -- "$archive" | to_tar -x -p "$owner" --numeric-owner --acls --xattrs --xattrs-include='*' \
    --delay-directory-restore -C "$work/new" "$@" 2>"$work/said" || {
    cat "$work/said" >&2
    fail "$name cannot be extracted: see what tar says above"
  }
}

# What an archive may hold: members below .snap-volume, then those of one volume, each once, behind the directory that
# it is in, so that nothing is written through a link. Hard links lead to members.
check_members() {
  rm -f "$work/broken"
  { zstd -dcq -- "$1" 2>"$work/said" || : >"$work/broken"; } |
    to_tar -t --quoting-style=escape >"$work/names" 2>>"$work/said" || : >"$work/broken"
  if [ -e "$work/broken" ]; then
    cat "$work/said" >&2
    fail "$name is damaged: copy it here again"
  fi
  zstd -dcq -- "$1" | to_tar -tv --numeric-owner --quoting-style=escape >"$work/types" 2>"$work/said"
  wrong=$(awk -v types="[-dlhp$devices]" '
    function refuse(why) { print names[FNR] " " why; exit }
    NR == FNR { names[FNR] = $0; next }
    {
      full = names[FNR]
      name = full
      sub(/\/$/, "", name)
      type = substr($0, 1, 1)
      if (name == "" || name ~ /^\// || name ~ /\/\// || name ~ /(^|\/)\.\.?(\/|$)/) refuse("leads out")
      if (type ~ /[bc]/ && type !~ types) refuse("is a device file: if the archive is your own, say --devices")
      if (type !~ types) refuse("is of a type that no volume has")
      top = name
      sub(/\/.*/, "", top)
      if (top == ".snap-volume") {
        if (volume != "" || type !~ /[-d]/) refuse("does not belong there")
      } else if (volume == "") volume = top
      else if (top != volume) refuse("is not in " volume)
      if (name in seen) refuse("is there twice")
      parent = name
      sub(/\/[^\/]*$/, "", parent)
      if (name == top ? type != "d" : seen[parent] != "d") refuse("is in no directory")
      if (type == "h") {
        match($0, /^[^ ]+ +[^ ]+ +[^ ]+ [^ ]+ [^ ]+ /)
        target = substr($0, RLENGTH + 1 + length(full " link to "))
        if (substr($0, RLENGTH + 1, length(full)) != full || !(target in seen) || seen[target] == "d") refuse("is a link that leads out")
      }
      seen[name] = type
    }' "$work/names" "$work/types")
  if [ -n "$wrong" ]; then fail "$name is refused, because it was not made by snap-volume: $wrong"; fi
}

check_sum() {
  [ -f "$1.sha256" ] || return 0
  [ "$(sha256sum <"$1" | cut -c 1-64)" = "$(cut -c 1-64 <"$1.sha256")" ] ||
    fail "$name is damaged, as $name.sha256 says: copy it here again"
}

check_header() {
  [ "$(field format)" = 1 ] ||
    fail "$name is of another format: use the restore.sh that lies beside it"
  case $(field volume) in
    '' | .* | *[!A-Za-z0-9._-]*) fail "$name names no volume" ;;
  esac
  if [ -z "$snapshot" ]; then
    [ -z "$(field base)" ] ||
      fail "$name is an increment since $(field base): give the archive of $(field base) before it"
    volume=$(field volume)
    return
  fi
  [ "$(field volume)" = "$volume" ] || fail "$name is of the volume $(field volume), not of $volume"
  [ -n "$(field base)" ] || fail "$name is a full archive: begin with it, and leave out those before it"
  if [ "$(field base)" != "$snapshot" ] || [ "$(field base_listing)" != "$listing" ]; then
    fail "$name is an increment since $(field base): give the archive of that between $snapshot and it"
  fi
}

check_tree() {
  listing=$(field listing)
  if [ -z "$loss" ]; then
    [ "$(digest_tree "$tree" all)" != "$listing" ] || return 0
  fi
  [ "$(digest_tree "$tree" names)" = "$(field names)" ] ||
    fail "what $name makes is not what was exported: the archive or its base is damaged"
  loss=1
}

add_archive() {
  name=${1##*/}
  [ -f "$1" ] || fail "there is no file $1"
  check_sum "$1"
  check_members "$1"
  extract "$1" .snap-volume
  rm -rf "$meta"
  mv "$work/new/.snap-volume" "$meta"
  check_header
  tree=$work/new/$volume
  if [ -n "$snapshot" ]; then prepare_tree; fi
  extract "$1" --anchored --exclude=.snap-volume
  finish_tree
  snapshot=$(field snapshot)
  check_tree
  printf 'restore.sh: %s: %s\n' "$snapshot" "$name"
}

restore() {
  eval "target=\${$#}"
  # shellcheck disable=SC2154 # eval sets it
  above=$(dirname -- "$target")
  [ -d "$above" ] || fail "there is no directory $above: make it first"
  if [ -e "$target" ] || [ -L "$target" ]; then
    { [ -d "$target" ] && [ ! -L "$target" ] && [ -z "$(ls -A -- "$target")" ]; } ||
      fail "$target is there already: nothing is replaced, name another directory"
  fi
  need zstd zstd
  need find findutils
  need awk mawk

  work=$(cd "$above" && mktemp -d "$PWD/.restore.XXXXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' HUP INT TERM
  mkdir "$work/new"
  meta=$work/meta snapshot='' listing='' volume='' loss='' tree=''
  while [ $# -gt 1 ]; do
    add_archive "$1"
    shift
  done

  if [ -n "$(field contents)" ]; then
    [ "$(digest_contents "$tree")" = "$(field contents)" ] ||
      fail "contents are not what was exported: an archive is damaged"
  fi
  if [ -d "$target" ]; then rmdir -- "$target"; fi
  mv -T -- "$tree" "$target"
  sync -f -- "$target"
  if [ -n "$loss" ]; then
    printf 'restore.sh: all contents are in %s, but not all owners, modes or times: run it as root, on ext4 or XFS\n' "$target" >&2
    exit 3
  fi
  printf 'restore.sh: %s of %s is in %s\n' "$snapshot" "$volume" "$target"
}

devices=
if [ "${1-}" = --devices ]; then
  devices="bc"
  shift
fi
case ${1-} in
  --digest) digest_tree "${2:?}" all ;;
  # for import, which extracts by itself: META TREE WORK
  --prepare | --finish)
    meta=$2 tree=$3 work=$4 name='the archive'
    if [ "$1" = --prepare ]; then prepare_tree; else finish_tree; fi
    ;;
  '' | -h | --help) usage ;;
  *)
    if [ $# -lt 2 ]; then
      usage >&2
      exit 2
    fi
    restore "$@"
    ;;
esac
