import { closeSync, mkdirSync, mkdtempSync, openSync, realpathSync, renameSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import type { SnapshotCopy } from '../../../src/copy/engine.ts'
import { linkEngine } from '../../../src/copy/link-engine.ts'
import { openDirectory } from '../../../src/system/directory-handle.ts'

export interface Generation {
  directory: string
  index: string
}

/** Copies of one tree by engine link itself, without a store around them; each has the one before as its base. */
export interface Generations {
  data: string
  /** Oldest first. */
  made: Generation[]
  /** The first pass of the next one; with `spare`, it begins with that older generation, which is used up. */
  copy(options?: { spare?: Generation | undefined }): Promise<SnapshotCopy>
  /** Of the last one. */
  newest(): Generation
  remove(): Promise<void>
}

export function makeGenerations(): Generations {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'snap-generations-')))
  const data = join(home, 'data')
  mkdirSync(data)
  const source = openDirectory(data)
  const lockDescriptor = openSync(join(home, 'lock'), 'w')
  const made: Generation[] = []
  const newest = (): Generation => made.at(-1) ?? { directory: '', index: '' }
  let count = 0
  return {
    data,
    made,
    newest,
    async copy({ spare } = {}) {
      const target = join(home, `generation-${(count += 1)}`)
      if (spare === undefined) mkdirSync(target)
      else {
        made.splice(made.indexOf(spare), 1)
        renameSync(spare.directory, target)
      }
      const base = made.at(-1)
      made.push({ directory: target, index: `${target}.index` })
      return linkEngine.snapshot({
        source,
        target,
        refill: spare !== undefined,
        checksum: false,
        base: base?.directory,
        baseIndex: base?.index,
        index: newest().index,
        seal: `${target}.seal`,
        lockDescriptor,
        onProgress: () => undefined,
      })
    },
    async remove() {
      source.close()
      closeSync(lockDescriptor)
      await execa('rm', ['-rf', '--one-file-system', '--', home])
    },
  }
}
