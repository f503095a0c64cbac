import { syncFilesystem } from '../../store/durable.ts'
import type { RecordWarning } from '../../store/record.ts'
import { measureKeptTimes } from '../../system/kept-times.ts'
import { foreignMounts } from '../../system/mounts.ts'
import { bytePath } from '../../tree/byte-path.ts'
import { type DirectoryHandle, openDirectory } from '../../tree/directory-handle.ts'
import type { SnapshotRequest } from '../engine.ts'
import type { LeftOutAttributes } from '../left-out-attributes.ts'
import type { ScanResult } from '../scan/report.ts'
import type { ScanRoot } from '../scan/scan-task.ts'
import { scanTree } from '../scan/scan-tree.ts'

/** What a pass over the source can rely on. */
export interface Pass {
  /** Names the mount of the source; undefined where nothing can be proven. */
  mount: string | undefined
  /** What the scan before saw: of the base, or of what the first pass staged. */
  index: Buffer | undefined
  /** Whether it proves anything, or only tells what the base was. */
  isProof: boolean
  /** What files are linked from; the second pass keeps what the first one linked. */
  base: string | undefined
  isFilled: boolean
  isLast: boolean
  /** Of both passes. */
  leftOut: LeftOutAttributes
  /** What the base tells of files that are linked from there. */
  carried: RecordWarning | undefined
}

type SourceRequest = Pick<
  SnapshotRequest,
  'source' | 'target' | 'exclude' | 'leavesUnreadable' | 'signal' | 'onProgress'
>

/** Links what is unchanged, and lists the rest. Throws what scanTree does. */
export async function scanSource(
  { source, target, exclude, leavesUnreadable, signal, onProgress }: SourceRequest,
  { index, isProof, base, isFilled }: Pass,
  staging: DirectoryHandle,
  racyCutoffNs: bigint,
): Promise<ScanResult> {
  // a store to a page that is dirty and mapped moves no ctime; the first one after it was written
  // back does
  await syncFilesystem(source.cwd)
  using openBase = base === undefined ? undefined : openDirectory(base)
  let files = 0

  return await scanTree({
    source: scanRoot(source),
    base: openBase === undefined ? undefined : scanRoot(openBase),
    staging: scanRoot(staging),
    index,
    isProof,
    isFilled,
    exclude,
    leavesUnreadable,
    mounts: foreignMounts(bytePath(source.path)),
    baseMounts: base === undefined ? new Set() : foreignMounts(bytePath(base)),
    racyCutoffNs,
    times: measureKeptTimes(target),
    signal,
    onReport: (report) => {
      files += report.contents.files
      onProgress({ files, totalFiles: files, bytes: 0, fraction: 0 })
    },
  })
}

function scanRoot({ descriptor, path }: DirectoryHandle): ScanRoot {
  return { descriptor, path: bytePath(path) }
}
