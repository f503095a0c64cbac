#!/bin/sh
# One user, who has the number of the files' owner.
set -eu

id "$SAMBA_USER" >/dev/null 2>&1 || useradd --no-create-home --shell /usr/sbin/nologin --uid "$SAMBA_UID" "$SAMBA_USER"
printf '%s\n%s\n' "$SAMBA_PASSWORD" "$SAMBA_PASSWORD" | smbpasswd -s -a "$SAMBA_USER"
exec smbd --foreground --no-process-group --debug-stdout
