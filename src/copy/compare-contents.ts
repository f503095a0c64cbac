import type { RestoreRequest } from './engine.ts'
import type { ItemizedChange } from './itemized-changes.ts'
import { compareListed } from './rsync-listed.ts'
import { type PathList, eachPath } from './scan/path-list.ts'
import { compareSparse } from './sparse.ts'

/** Tells which of the suspects and directories of a snapshot the live data have otherwise. */
export async function compareContents(
  request: RestoreRequest,
  suspects: PathList,
  directories: PathList,
  onChange: (change: ItemizedChange) => void,
): Promise<void> {
  const { source, target } = request
  const paths = suspects.bytes()
  const { dense, same, other } = await compareSparse(
    source.here,
    target.here,
    paths,
    (path) => path,
  )
  for (const path of eachPath(other.bytes())) {
    onChange({ action: 'change', path, isDirectory: false, isHidden: false })
  }
  await compareListed(request, same.bytes(), [], onChange)
  const all = Buffer.concat([dense.bytes(), directories.bytes()])
  await compareListed(request, all, ['--checksum'], onChange)
}
