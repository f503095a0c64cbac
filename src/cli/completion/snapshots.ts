/**
 * A shell's command that prints the names of the snapshots, one a line. It reads no key that is
 * meant for the shell, says nothing where it fails, and lets names of one form through only:
 * nothing in them means anything to a shell.
 */
export const listSnapshots =
  '{ snap-volume show --json </dev/null |' +
  ` grep -o '"name":"@GMT-[0-9.-]*"' | cut -d '"' -f 4; } 2>/dev/null`

/** The same for labels, as KEY=VALUE: those that mean nothing to a shell. */
export const listLabels =
  '{ snap-volume show --json </dev/null |' +
  ` grep -o '"labels":{[^}]*}' | grep -oE '"[A-Za-z0-9._-]+":"[A-Za-z0-9._-]+"' |` +
  ` sort -u | tr -d '"' | tr : =; } 2>/dev/null`
