import { ProgramError } from '../errors.ts'
import { nanosecondsOf } from '../diff/list-tree.ts'
import { spawn } from '../system/spawn.ts'
import type { BytePath } from '../tree/byte-path.ts'
import { listPaths } from '../tree/path-list.ts'

/**
 * When the inodes of these entries were made, in ns, by inode number; those of which the filesystem
 * does not tell are not in it. By stat(1), because find(1) of Debian 12 does not know it. Throws
 * ProgramError where one cannot be looked at.
 */
export async function readBirths(
  cwd: string,
  paths: readonly BytePath[],
  signal: AbortSignal | undefined,
): Promise<Map<string, bigint>> {
  const births = new Map<string, bigint>()
  let rest = ''
  const read = (chunk: Buffer): void => {
    const words = (rest + chunk.toString('latin1')).split('\n')
    rest = words.pop() ?? ''
    for (const word of words) {
      const [inode = '', born = ''] = word.split(' ')
      const ns = nanosecondsOf(born)
      if (ns > 0n) births.set(inode, ns)
    }
  }

  // the root has the empty path
  const input = listPaths(paths.map((path) => (path === '' ? '.' : path)))
  const words = ['-0', '-r', 'stat', '-c', '%i %.9W', '--']
  const { exitCode, stderr } = await spawn('xargs', words, { cwd, input, signal, onOutput: read })
  if (exitCode === 0) return births
  throw new ProgramError(`births of files cannot be read: ${stderr.trim()}`, stderr)
}
