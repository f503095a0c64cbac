import { join } from 'node:path'
import { readIndex } from '../../src/copy/index/read-index.ts'
import { racyCutoff } from '../../src/copy/index/proof.ts'
import { scanSource } from '../../src/copy/link/scan-source.ts'
import { LeftOutAttributes } from '../../src/copy/left-out-attributes.ts'
import { indexFileName } from '../../src/store/layout.ts'
import { openDirectory } from '../../src/tree/directory-handle.ts'
import type { Contender } from '../measure.ts'
import type { SnapVolumeStore } from './snap-volume.ts'

/**
 * The scan alone, in this process: everything is linked already, and nothing has changed. Throws
 * when there was something to do, because that would be another measurement.
 */
export function ownScan(root: string, store: SnapVolumeStore): Contender {
  return {
    name: 'one scan, alone',
    async run() {
      const snapshot = store.snapshots().at(-1) ?? ''
      const target = join(snapshot, 'data')
      using source = openDirectory(root)
      using staging = openDirectory(target)
      const { toCopy, toVerify } = await scanSource(
        { source, target, exclude: [], leavesUnreadable: false, onProgress: () => undefined },
        {
          mount: undefined,
          index: readIndex(join(snapshot, indexFileName('data'))),
          isProof: true,
          base: undefined,
          isFilled: true,
          isLast: true,
          leftOut: new LeftOutAttributes(),
          carried: undefined,
        },
        staging,
        racyCutoff(),
      )
      const files = [toCopy, toVerify].map((list) => list.files)
      if (files.some((count) => count > 0)) {
        throw new Error(`the scan alone has found ${files.join(' and ')} changed files`)
      }
    },
  }
}
