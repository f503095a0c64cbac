import { mkdirSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { watchDirectories } from '../../../../src/copy/programs/guard-directories.ts'
import { useTemporaryDirectory } from '../../support/temporary-directory.ts'

describe('watchDirectories', () => {
  const directory = useTemporaryDirectory()
  const inside = (path: string): string => join(directory.path, path)
  const paths = ['file', 'a/file', 'a/b/file', 'c/file']

  beforeEach(() => {
    for (const path of ['a/b', 'c']) mkdirSync(inside(path), { recursive: true })
  })

  async function doubtfulAfter(act: () => void): Promise<string[]> {
    const findSwapped = await watchDirectories(directory.path, paths)
    act()
    return [...findSwapped()]
  }

  it('finds nothing doubtful where nothing moved, new directories too', async () => {
    expect(await doubtfulAfter(() => writeFileSync(inside('file'), 'x'))).to.deep.equal([])
  })

  it('doubts a directory that was moved away and back, and those below it', async () => {
    const doubtful = await doubtfulAfter(() => {
      renameSync(inside('a'), inside('elsewhere'))
      symlinkSync('/etc', inside('a'))
      renameSync(inside('a'), inside('link'))
      renameSync(inside('elsewhere'), inside('a'))
    })
    expect(doubtful).to.have.members(['a', 'a/b'])
  })

  it('doubts one that is a link, or gone', async () => {
    const doubtful = await doubtfulAfter(() => {
      renameSync(inside('a/b'), inside('elsewhere'))
      renameSync(inside('c'), inside('there'))
      symlinkSync('/etc', inside('c'))
    })
    expect(doubtful).to.include.members(['a/b', 'c'])
  })

  it('doubts one that is changed while it waits for it to grow older', async () => {
    const over = new AbortController()
    const change = async (): Promise<void> => {
      for (let count = 0; !over.signal.aborted; count += 1) {
        utimesSync(inside('c'), count, count)
        await sleep(5)
      }
    }
    const changing = change()
    const doubtful = await doubtfulAfter(() => undefined)
    over.abort()
    await changing
    expect(doubtful).to.deep.equal(['c'])
  })
})
