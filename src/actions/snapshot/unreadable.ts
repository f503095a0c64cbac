import { OperationError } from '../../errors.ts'
import type { SnapshotCopy } from '../../copy/engine.ts'
import { warnOfPaths } from '../../copy/warnings.ts'
import type { RecordWarning, VolumeRecord } from '../../store/record.ts'
import { displayPath } from '../../tree/byte-path.ts'
import { escapePath } from '../../tree/escaped-path.ts'

type Copied = Pick<SnapshotCopy, 'unreadable'>

/** With more of them it is the disk that has gone, or the rights to read it. */
const mostUnreadable = 1000

/** For the restores of this snapshot, which leave these paths alone. */
export function recordUnreadable({ unreadable = [] }: Copied): Pick<VolumeRecord, 'unreadable'> {
  if (unreadable.length > mostUnreadable) {
    throw new OperationError(
      `${unreadable.length} files and directories cannot be read, the first is ${displayPath(unreadable[0] ?? '')}`,
      {
        fix: `look at the kernel's log (dmesg) and the rights; a snapshot can be without ${mostUnreadable} of them`,
      },
    )
  }
  return unreadable.length === 0 ? {} : { unreadable: unreadable.map(escapePath) }
}

export function warnOfUnreadable({ unreadable = [] }: Copied): RecordWarning[] {
  const what =
    "cannot be read, and {is|are} not in the snapshot; a restore of it leaves {it|them} alone: look at the rights and at the kernel's log (dmesg)"
  return warnOfPaths('unreadable', what, [...unreadable])
}
