import { expect } from 'chai'
import { judgeChanges } from '../../../../src/actions/snapshot/judge-changes.ts'
import type { VolumeContents, VolumeRecord } from '../../../../src/store/record.ts'
import { aRecord } from '../../support/snapshots.ts'

const before = '@GMT-2026.11.20-03.00.00'
const root = { inode: '2', born: '1700000000000000001' }

function contents(files: number, addedFiles: number): VolumeContents {
  return { ...empty, files, addedFiles }
}

const empty = {
  files: 0,
  directories: 1,
  symlinks: 0,
  specials: 0,
  linkGroups: 0,
  bytes: 0,
  addedFiles: 0,
  addedBytes: 0,
}

const last: VolumeRecord = {
  id: 'data',
  path: '/data',
  engine: 'link',
  base: null,
  root,
  contents: contents(200, 200),
}

interface Circumstances {
  limit?: number
  was?: VolumeRecord
  kind?: 'scheduled' | 'safety'
}

/** What is said of a volume that differs so from the one before. */
function judge(
  differs: Partial<VolumeRecord>,
  { limit = 90, was = last, kind = 'scheduled' }: Circumstances = {},
): string | undefined {
  const record = { ...aRecord(before), kind, volumes: [was] }
  const snapshot = { name: before, path: `/store/${before}`, time: new Date(0), record }
  const catalog = { snapshots: [snapshot], damaged: [], names: new Set([before]) }
  const volume = { ...last, base: before, ...differs }
  return judgeChanges(volume, catalog, limit)?.message
}

describe('judgeChanges', () => {
  it('says nothing where most files are the same', () => {
    expect(judge({ contents: contents(200, 20) })).to.equal(undefined)
  })

  it('tells of the share of files from the limit on', () => {
    expect(judge({ contents: contents(200, 179) })).to.equal(undefined)
    expect(judge({ contents: contents(200, 180) })).to.match(/^volume data: 20 of the 200 files of/)
  })

  it('tells of files that are gone', () => {
    expect(judge({ contents: contents(20, 0) })).to.match(/20 of the 200 files/)
  })

  it('goes by the limit that is set, and never by 0', () => {
    expect(judge({ contents: contents(200, 100) }, { limit: 50 })).to.match(/100 of the 200/)
    expect(
      judge({ contents: contents(200, 200), root: { ...root, inode: '3' } }, { limit: 0 }),
    ).to.equal(undefined)
  })

  it('tells of another directory, by inode and by birth', () => {
    for (const other of [{ inode: '3' }, { born: '1700000000000000002' }]) {
      expect(judge({ root: { ...root, ...other }, contents: contents(200, 0) })).to.match(
        /^volume data: \/data is another directory than in @GMT-2026.11.20-03.00.00$/,
      )
    }
  })

  it('tells of a directory on a filesystem that does not tell one from another, where the one before did', () => {
    expect(judge({ root: undefined, contents: contents(200, 0) })).to.match(/another directory/)
  })

  it('says nothing of a directory where the one before is not known', () => {
    const { root: _, ...unknown } = last
    const same = contents(200, 0)
    expect(judge({ contents: same }, { was: unknown })).to.equal(undefined)
  })

  it('tells of a directory on a filesystem of another type, where no directory is known', () => {
    const { root: _, ...unknown } = last
    const was = { ...unknown, filesystem: '0x1021994' }
    const judgeOn = (filesystem?: string): string | undefined =>
      judge({ root: undefined, filesystem, contents: contents(200, 0) }, { was })
    expect(judgeOn('0xef53')).to.match(/another directory/)
    expect(judgeOn('0x1021994')).to.equal(undefined)
    expect(judgeOn()).to.equal(undefined)
    expect(judge({ filesystem: '0xef53', contents: contents(200, 0) })).to.equal(undefined)
  })

  it('says nothing of the files where nobody counted, few were there, or nothing could be shared', () => {
    const all = contents(200, 200)
    expect(judge({ contents: null })).to.equal(undefined)
    expect(judge({ contents: all }, { was: { ...last, contents: null } })).to.equal(undefined)
    const few = { ...last, contents: contents(99, 0) }
    expect(judge({ contents: all }, { was: few })).to.equal(undefined)
    expect(judge({ contents: all, base: null })).to.equal(undefined)
  })

  it('counts only files that both may hold where patterns of what is left out differ', () => {
    const exclude = ['*.tmp']
    const judgeOf = (files: number, addedFiles: number): string | undefined =>
      judge({ exclude, contents: contents(files, addedFiles) })
    expect(judgeOf(199, 199)).to.match(/0 of the 199 files that/)
    expect(judgeOf(199, 19)).to.equal(undefined)
    expect(judgeOf(10, 0)).to.equal(undefined)
    expect(judgeOf(150, 140)).to.match(/10 of the 150 files that/)
    // the pattern is gone, and files come
    const was = { ...last, exclude }
    expect(judge({ contents: contents(1000, 800) }, { was })).to.equal(undefined)
    expect(judge({ contents: contents(1000, 990) }, { was })).to.match(/10 of the 200 files that/)
    // few are left
    expect(judgeOf(99, 99)).to.equal(undefined)
  })

  it('says nothing of the files after a restore, and still tells of another directory', () => {
    const all = contents(200, 200)
    expect(judge({ contents: all }, { kind: 'safety' })).to.equal(undefined)
    const other = { ...root, inode: '3' }
    expect(judge({ contents: all, root: other }, { kind: 'safety' })).to.match(/another directory/)
  })
})
