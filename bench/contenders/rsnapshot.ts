import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Run } from '../command.ts'
import type { StoreKind } from './store.ts'

/** rsnapshot as it is by default, with the attributes that the others copy. */
export function rsnapshot(run: Run, source: string, keep = 1000): StoreKind {
  return {
    name: 'rsnapshot',
    async make(directory) {
      const config = join(directory, 'rsnapshot.conf')
      await writeFile(config, formatConfig(directory, source, keep))
      return {
        async snapshot() {
          await run(['rsnapshot', '-c', config, 'alpha'])
        },
      }
    },
  }
}

function formatConfig(directory: string, source: string, keep: number): string {
  const settings = [
    ['config_version', '1.2'],
    ['snapshot_root', `${join(directory, 'snapshots')}/`],
    ['cmd_cp', '/bin/cp'],
    ['cmd_rm', '/bin/rm'],
    ['cmd_rsync', '/usr/bin/rsync'],
    ['rsync_short_args', '-aHAX'],
    ['rsync_long_args', '--delete'],
    ['link_dest', '0'],
    ['sync_first', '0'],
    ['verbose', '1'],
    ['loglevel', '1'],
    ['lockfile', join(directory, 'lock')],
    ['retain', 'alpha', String(keep)],
    ['backup', `${source}/`, './'],
  ]
  return settings.map((words) => `${words.join('\t')}\n`).join('')
}
