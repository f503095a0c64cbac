import { join } from 'node:path'
import type { Run } from '../command.ts'
import type { RestorableStore, StoreKind } from './store.ts'

export function restic(run: Run, source: string): StoreKind<RestorableStore> {
  return {
    name: 'restic',
    async make(directory) {
      const env = {
        RESTIC_REPOSITORY: join(directory, 'repository'),
        RESTIC_CACHE_DIR: join(directory, 'cache'),
        RESTIC_PASSWORD: 'bench',
      }
      const quietly = async (words: readonly string[]): Promise<void> => {
        await run(['restic', '--quiet', ...words], { env, cwd: source })
      }
      await quietly(['init'])
      return {
        snapshot: () => quietly(['backup', '.']),
        restore: () => quietly(['restore', 'latest', '--target', source]),
      }
    },
  }
}
