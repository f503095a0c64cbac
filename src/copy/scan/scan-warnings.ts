import type { RecordWarning } from '../../store/record.ts'
import { counted } from '../../system/counted.ts'
import { type BytePath } from '../../tree/byte-path.ts'
import { eachSeen } from './copy-list.ts'
import type { ScanResult } from './report.ts'
import { warnOfPaths } from '../warnings.ts'

/** What somebody changed in the base, by its path, with its inode there. */
export function changedHistory({ historyChanged }: ScanResult): Map<BytePath, bigint> {
  const changed = new Map<BytePath, bigint>()
  for (const { path, inode } of eachSeen(historyChanged)) {
    if (inode !== 0n || !changed.has(path)) changed.set(path, inode)
  }
  return changed
}

export function warnOfScan(scan: ScanResult): RecordWarning[] {
  const { tooManyLinks, notLinked } = scan.counts
  const warnings = warnOfPaths(
    'history-changed',
    'of the snapshot before {was|were} changed by somebody after it was taken; this snapshot has what the live data have',
    [...changedHistory(scan).keys()],
  )

  if (tooManyLinks > 0) {
    warnings.push({
      code: 'too-many-links',
      message: counted(
        tooManyLinks,
        'unchanged {file was|files were} copied, because the filesystem allows no more links to {it|them}',
      ),
    })
  }

  if (notLinked > 0) {
    warnings.push({
      code: 'not-linked',
      message: counted(
        notLinked,
        'unchanged {file was|files were} copied, because the snapshot before does not let {it|them} be linked: {it is|they are} immutable (chattr -i), or something is mounted over {it|them}',
      ),
    })
  }

  return warnings
}
