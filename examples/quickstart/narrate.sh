#!/usr/bin/env bash
# How the quick start speaks: a sentence, then the command that is run.
set -euo pipefail

bold='' green='' red='' plain=''

choose_colours() {
  [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]] || return 0
  bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
}

headline() {
  printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

steps_told=0

step() {
  steps_told=$((steps_told + 1))
  headline "$steps_told. $*"
}

# Prints a command line and runs the very same one, so that what is shown can be typed.
run() {
  printf '%s$ %s%s\n' "$green" "$1" "$plain"
  eval "$1"
}

fail() {
  printf '%s\n' "${red}quickstart.sh: $*$plain" >&2
  exit 1
}
