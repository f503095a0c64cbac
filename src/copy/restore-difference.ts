import { bytePath } from '../system/byte-path.ts'
import { openDirectory } from '../system/directory-handle.ts'
import { type Comparison, type Difference, compareLive } from './compare-live.ts'
import type { RestoreCounts, RestoreRequest } from './engine.ts'
import { readSourceIndex } from './scan/read-index.ts'
import { SourceIndex } from './scan/source-index.ts'

/** Calls `act` with what makes the live data unequal to the snapshot, by all that is known of them. */
export async function withDifference(
  request: RestoreRequest,
  act: (difference: Difference) => Promise<RestoreCounts>,
): Promise<RestoreCounts> {
  const { source, target, known, except, keptInodes, signal } = request
  const index = readSourceIndex(known?.index)
  using knownTree =
    known === undefined || index === undefined ? undefined : openDirectory(known.tree)
  const comparison: Comparison = {
    wanted: source.here,
    live: target.here,
    known: knownTree?.here,
    index: index === undefined ? undefined : new SourceIndex(index),
    except: new Set(except.map(bytePath)),
    keptInodes,
    signal,
  }
  return await act(await compareLive(comparison))
}

/** How many entries the live data lack. */
export function countCreated({ newDirectories, create, links }: Difference): number {
  const missing = links.filter(({ there }) => there === 'nothing')
  return newDirectories.count + create.count + missing.length
}
