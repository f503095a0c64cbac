import type { BytePath } from '../../tree/byte-path.ts'
import { unescapePath } from '../../tree/escaped-path.ts'
import type { RestoreAction } from '../engine.ts'
import { type RsyncOptions, rsync } from './rsync-command.ts'

/** A line of rsync's own list of what it does, or would do. */
export interface ItemizedChange {
  action: RestoreAction
  /** Relative to the root, which is the empty path. */
  path: BytePath
  isDirectory: boolean
  /** An ACL or an xattr differs, which lstat(2) does not show. */
  isHidden: boolean
}

/** Runs rsync, and tells of each change that it makes, or would make. */
export async function rsyncItemized(
  args: readonly string[],
  options: RsyncOptions,
  onChange: (change: ItemizedChange) => void,
): Promise<void> {
  await rsync(['--out-format=%i %n', ...args], { ...options, onOutput: readChanges(onChange) })
}

/**
 * Reads `--out-format=%i %n`; the item is eleven characters, and the name may begin with a blank.
 */
function readChanges(onChange: (change: ItemizedChange) => void) {
  let pending = ''
  return (chunk: Buffer): void => {
    const lines = (pending + chunk.toString('latin1')).split(/[\r\n]/)
    pending = lines.pop() ?? ''

    for (const line of lines) {
      const match = /^(\*deleting {2}|[<>ch.][fdLDS]\S{9}) (.+?)\/?$/.exec(line)
      const [, item, name] = match ?? []
      if (item === undefined || name === undefined) continue

      onChange({
        action: actionOf(item),
        path: name === '.' ? '' : unescapePath(name),
        isDirectory: item[1] === 'd',
        isHidden: item[9] === 'a' || item[10] === 'x' || item.includes('+'),
      })
    }
  }
}

function actionOf(item: string): RestoreAction {
  if (item.startsWith('*deleting')) return 'delete'
  if (item.includes('+++++++++')) return 'create'
  return item.startsWith('.') ? 'attributes' : 'change'
}
