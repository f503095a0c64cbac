import { closeSync, mkdirSync, mkdtempSync, openSync, realpathSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import type { SnapshotCopy } from '../../../src/copy/engine.ts'
import { linkEngine } from '../../../src/copy/link-engine.ts'
import { makeSpare } from '../../../src/copy/make-spare.ts'
import { openDirectory } from '../../../src/system/directory-handle.ts'

export interface Generation {
  directory: string
  /** Made in advance, and never published. */
  isPrivate?: boolean
  index: string
  seal: string
}

/** Copies of one tree by engine link itself, without a store around them; each has the one before as its base. */
export interface Generations {
  data: string
  /** Oldest first. */
  made: Generation[]
  /**
   * The first pass of the next one. With `spare`, an older generation, it takes from that what it can, however little, and
   * that is none any more.
   */
  copy(options?: { spare?: Generation | undefined }): Promise<SnapshotCopy>
  /** A copy of the last one, as it is made in advance; to be given to the next. */
  prepare(): Promise<Generation>
  /** Of the last one. */
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
  const newest = (): Generation => made.at(-1) ?? { directory: '', index: '', seal: '' }
  let count = 0
  return {
    data,
    made,
    newest,
    async copy({ spare } = {}) {
      const target = join(home, `generation-${(count += 1)}`)
      mkdirSync(target)
      const base = made.at(-1)
      if (spare !== undefined && made.includes(spare)) made.splice(made.indexOf(spare), 1)
      made.push({ directory: target, index: `${target}.index`, seal: `${target}.seal` })
      return linkEngine.snapshot({
        source,
        target,
        checksum: false,
        base: base?.directory,
        baseIndex: base?.index,
        index: newest().index,
        seal: newest().seal,
        spare: spare && {
          tree: spare.directory,
          seal: spare.seal,
          isPrivate: spare.isPrivate === true,
          leastMoved: 1,
        },
        lockDescriptor,
        onProgress: () => undefined,
      })
    },
    async prepare() {
      const { directory, seal } = newest()
      const prepared: Generation = {
        directory: `${directory}.copy`,
        isPrivate: true,
        index: '',
        seal: `${directory}.copy.seal`,
      }
      mkdirSync(prepared.directory, 0o700)
      const request = { model: directory, seal, target: prepared.directory, lockDescriptor }
      writeFileSync(prepared.seal, await makeSpare(request))
      return prepared
    },
    async remove() {
      source[Symbol.dispose]()
      closeSync(lockDescriptor)
      await execa('rm', ['-rf', '--one-file-system', '--', home])
    },
  }
}
