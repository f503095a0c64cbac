import { join } from 'node:path'
import type { Run } from '../command.ts'
import type { RestorableStore, StoreKind } from './store.ts'

export function borg(run: Run, source: string): StoreKind<RestorableStore> {
  return {
    name: 'borg',
    async make(directory) {
      const repository = join(directory, 'repository')
      const env = {
        BORG_BASE_DIR: directory,
        BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes',
      }
      let taken = 0
      await run(['borg', 'init', '--encryption', 'none', repository], { env })
      return {
        async snapshot() {
          taken += 1
          await run(['borg', 'create', `${repository}::${taken}`, '.'], { env, cwd: source })
        },
        async restore() {
          await run(['borg', 'extract', `${repository}::${taken}`], { env, cwd: source })
        },
      }
    },
  }
}
