import { join } from 'node:path'
import type { Run } from '../command.ts'
import type { RestorableStore, StoreKind } from './store.ts'

export function restic(run: Run, source: string): StoreKind<RestorableStore> {
  return {
    name: 'restic',
    async make(directory) {
      const env = resticEnvironment(directory)
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

/** Where restic finds its repository in the directory of a store. */
export function resticEnvironment(directory: string): Record<string, string> {
  return {
    RESTIC_REPOSITORY: join(directory, 'repository'),
    RESTIC_CACHE_DIR: join(directory, 'cache'),
    RESTIC_PASSWORD: 'bench',
  }
}
