import type { BytePath } from '../../tree/byte-path.ts'
import type { VolumeContents } from '../../store/record.ts'
import { allocatedBytes } from '../scan/copy-list.ts'
import { walkTree } from '../../tree/walk-tree.ts'

/** What is in a tree. */
export interface Survey {
  /**
   * Added is what has all its names in this tree: for a fresh snapshot, what it does not share with
   * others.
   */
  contents: VolumeContents
  /** The names of everything but directories whose link count is not 1. */
  linked: BytePath[]
}

interface LinkedFile {
  names: bigint
  links: bigint
  isFile: boolean
  allocated: number
}

/** Counts what is below `root`, a path through an open directory. */
export async function surveyTree(root: string, signal?: AbortSignal): Promise<Survey> {
  const contents: VolumeContents = {
    files: 0,
    directories: 1,
    symlinks: 0,
    specials: 0,
    linkGroups: 0,
    bytes: 0,
    addedFiles: 0,
    addedBytes: 0,
  }

  const linked: BytePath[] = []
  const files = new Map<bigint, LinkedFile>()
  for await (const { path, stat } of walkTree(root, signal)) {
    const isFile = stat.isFile()
    if (isFile) contents.files += 1
    else if (stat.isDirectory()) contents.directories += 1
    else if (stat.isSymbolicLink()) contents.symlinks += 1
    else contents.specials += 1

    if (stat.isDirectory()) continue
    const names = (files.get(stat.ino)?.names ?? 0n) + 1n
    const file = { names, links: stat.nlink, isFile, allocated: allocatedBytes(stat) }
    if (isFile && names === 1n) contents.bytes += Number(stat.size)

    if (stat.nlink === 1n) countAdded(contents, file)
    else {
      linked.push(path)
      files.set(stat.ino, file)
    }
  }

  for (const file of files.values()) {
    if (file.names > 1n) contents.linkGroups += 1
    countAdded(contents, file)
  }

  return { contents, linked }
}

function countAdded(
  contents: VolumeContents,
  { names, links, isFile, allocated }: LinkedFile,
): void {
  if (!isFile || names !== links) return
  contents.addedFiles += Number(names)
  contents.addedBytes += allocated
}
