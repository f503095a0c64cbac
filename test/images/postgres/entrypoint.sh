#!/bin/sh
set -eu

install -d -m 700 -o postgres -g postgres "$PGDATA"
install -d -o postgres -g postgres /run/postgresql
if [ ! -e "$PGDATA/PG_VERSION" ]; then
  setpriv --reuid postgres --regid postgres --clear-groups \
    initdb --username=postgres --auth=trust --no-locale --encoding=UTF8 --data-checksums >/dev/null
fi
exec setpriv --reuid postgres --regid postgres --clear-groups postgres -c listen_addresses='*' "$@"
