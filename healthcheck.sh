#!/bin/sh
# For Docker's HEALTHCHECK, which starts no Node: every 30 seconds the daemon writes how it goes.
store=${SNAP_DIR:-}
if [ -z "$store" ] && [ -n "${SNAP_DIR_FILE:-}" ]; then store=$(cat "$SNAP_DIR_FILE"); fi
heartbeat=${store:-/opt/.snap}/.snap-volume/heartbeat
if ! find "$heartbeat" -mmin -2 2>/dev/null | grep -q .; then
  echo 'no heartbeat of the daemon for 120 s: see docker logs'
  exit 1
fi
verdict=$(head -n 1 "$heartbeat")
echo "$verdict"
case $verdict in
  unhealthy*) exit 1 ;;
esac
