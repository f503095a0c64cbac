import { UsageError } from '../errors.ts'
import type { CommandInput } from './command.ts'

/** Throws UsageError where a daemon runs the command for a client: it gives names, no contents. */
export function assertContentsHere({ beside }: CommandInput): void {
  if (beside === undefined) return
  throw new UsageError('contents of files are not given over the network', {
    fix: 'run it where the store is mounted: by docker exec, or with --volumes-from',
  })
}
