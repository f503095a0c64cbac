import { closeSync, mkdirSync, mkdtempSync, openSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import type { SnapshotCopy } from '../../../src/copy/engine.ts'
import { linkEngine } from '../../../src/copy/link/link-engine.ts'
import { prelink } from '../../../src/copy/link/prelink.ts'
import { openDirectory } from '../../../src/tree/directory-handle.ts'

export interface Generation {
  directory: string
  index: string
}

export interface CopyOptions {
  /** A tree of links to the newest one, as `prelink` makes it, to begin with. */
  prelinked?: string | undefined
  /** Only the first of two passes. */
  isTwoPass?: boolean
}

/**
 * Copies of one tree by engine link itself, without a store around them; each has the one before as
 * its base.
 */
export interface Generations {
  data: string
  /** Oldest first. */
  made: Generation[]
  copy(options?: CopyOptions): Promise<SnapshotCopy>
  /** Makes a tree of links to the newest one, if there is one. */
  prelink(): Promise<string | undefined>
  newest(): Generation
  remove(): Promise<void>
}

export function makeGenerations(on = tmpdir()): Generations {
  const home = realpathSync(mkdtempSync(join(on, 'snap-generations-')))
  const data = join(home, 'data')
  mkdirSync(data)
  const source = openDirectory(data)
  const lockDescriptor = openSync(join(home, 'lock'), 'w')
  const made: Generation[] = []
  let count = 0
  return {
    data,
    made,
    newest: () => made.at(-1) ?? { directory: '', index: '' },
    async copy({ prelinked, isTwoPass = false } = {}) {
      const target = prelinked ?? makeTarget()
      const base = made.at(-1)
      const index = `${target}.index`
      made.push({ directory: target, index })
      return linkEngine.snapshot({
        source,
        target,
        exclude: [],
        leavesUnreadable: false,
        isPrelinked: prelinked !== undefined,
        isTwoPass,
        checksum: false,
        provesNothing: false,
        base: base?.directory,
        baseIndex: base?.index,
        index,
        lockDescriptor,
        onProgress: () => undefined,
      })
    },
    async prelink() {
      const model = made.at(-1)
      if (model === undefined) return undefined
      const target = makeTarget()
      await prelink({
        model: model.directory,
        index: model.index,
        target,
        exclude: [],
        lockDescriptor,
      })
      return target
    },
    async remove() {
      source[Symbol.dispose]()
      closeSync(lockDescriptor)
      await execa('rm', ['-rf', '--one-file-system', '--', home])
    },
  }

  function makeTarget(): string {
    const target = join(home, `generation-${(count += 1)}`)
    mkdirSync(target, { mode: 0o700 })
    return target
  }
}
