#!/bin/sh
# tini is PID 1: it reaps what hooks leave behind, and -g hands SIGTERM to rsync as well as to the
# daemon, so that `docker stop` never waits for a copy to end.
exec tini -g -- snap-volume "$@"
