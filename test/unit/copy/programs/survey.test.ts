import { linkSync, lstatSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { surveyTree } from '../../../../src/copy/programs/survey.ts'
import { InterruptedError } from '../../../../src/errors.ts'
import type { VolumeContents } from '../../../../src/store/record.ts'
import { rejectionOf } from '../../support/rejection.ts'
import { useTemporaryDirectory } from '../../support/temporary-directory.ts'

describe('surveyTree', () => {
  const directory = useTemporaryDirectory()
  const inside = (...names: string[]): string => join(directory.path, ...names)

  beforeEach(() => mkdirSync(inside('tree')))

  async function survey(): Promise<VolumeContents> {
    return (await surveyTree(inside('tree'))).contents
  }

  async function linkedNames(): Promise<string[]> {
    return (await surveyTree(inside('tree'))).linked.toSorted()
  }

  const allocatedBytes = (name: string): number => lstatSync(inside('tree', name)).blocks * 512

  it('counts what there is of each kind', async () => {
    mkdirSync(inside('tree/d/e'), { recursive: true })
    writeFileSync(inside('tree/a'), '12345')
    writeFileSync(inside('tree/d/e/b'), '123')
    symlinkSync('a', inside('tree/l'))
    expect(await survey()).to.deep.equal({
      files: 2,
      directories: 3,
      symlinks: 1,
      specials: 0,
      linkGroups: 0,
      bytes: 8,
      addedFiles: 2,
      addedBytes: allocatedBytes('a') + allocatedBytes('d/e/b'),
    })
  })

  it('counts a file with two names as two files and its bytes once', async () => {
    writeFileSync(inside('tree/a'), '12345')
    linkSync(inside('tree/a'), inside('tree/b'))
    expect(await survey()).to.include({
      files: 2,
      linkGroups: 1,
      bytes: 5,
      addedFiles: 2,
      addedBytes: allocatedBytes('a'),
    })
  })

  it('counts as added what a file takes on the disk, and not its holes', async () => {
    writeFileSync(inside('tree/a'), '')
    truncateSync(inside('tree/a'), 1024 * 1024)
    expect(await survey()).to.include({ bytes: 1024 * 1024, addedFiles: 1, addedBytes: 0 })
  })

  it('counts no file as added that has a name elsewhere', async () => {
    writeFileSync(inside('tree/a'), '12345')
    linkSync(inside('tree/a'), inside('elsewhere'))
    expect(await survey()).to.include({
      files: 1,
      linkGroups: 0,
      bytes: 5,
      addedFiles: 0,
      addedBytes: 0,
    })
  })

  it('finds the names of files that have several, in whatever directory', async () => {
    mkdirSync(inside('tree/d'))
    writeFileSync(inside('tree/a'), '')
    linkSync(inside('tree/a'), inside('tree/d/b'))
    writeFileSync(inside('tree/single'), '')
    expect(await linkedNames()).to.deep.equal(['a', 'd/b'])
  })

  it('keeps the bytes of a name that is no text', async () => {
    const name = Buffer.concat([Buffer.from(inside('tree/')), Buffer.from([0xff, 0x0a])])
    writeFileSync(name, '')
    linkSync(name, inside('elsewhere'))
    expect(await linkedNames()).to.deep.equal(['\u00ff\n'])
  })

  it('follows no link', async () => {
    mkdirSync(inside('elsewhere'))
    writeFileSync(inside('elsewhere/a'), '')
    symlinkSync('../elsewhere', inside('tree/l'))
    expect(await survey()).to.include({ files: 0, directories: 1, symlinks: 1 })
  })

  it('goes to any depth', async () => {
    mkdirSync(inside('tree', ...Array.from({ length: 500 }, () => 'd')), { recursive: true })
    expect((await survey()).directories).to.equal(501)
  })

  it('ends when it is interrupted', async () => {
    for (let index = 0; index < 2001; index += 1) writeFileSync(inside('tree', `${index}`), '')
    const error = await rejectionOf(surveyTree(inside('tree'), AbortSignal.abort()))
    expect(error).to.be.instanceOf(InterruptedError)
  })
})
