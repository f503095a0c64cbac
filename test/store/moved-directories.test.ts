import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { expect } from 'chai'
import { shellIn } from '../support/shell.ts'
import { compareTrees, walkTree } from '../support/tree-walker.ts'
import { type InProcessStore, makeInProcessStore } from './support/in-process.ts'

describe('Directories that are not there any more when their files have been copied', () => {
  let store: InProcessStore

  beforeEach(async () => {
    store = makeInProcessStore('link', 4)
    await shellIn(store.data, 'mkdir -p gone/deep moved replaced still; touch still/file')
    await shellIn(store.data, 'for d in gone gone/deep moved replaced; do echo $d > $d/file; done')
  })

  afterEach(() => store.remove())

  /** Runs a script between the copies and what follows them. */
  function afterCopying(script: string): void {
    let isDone = false
    store.context.emit = (event) => {
      if (isDone || event.type !== 'progress' || event.bytes === 0) return
      isDone = true
      execFileSync('sh', ['-ec', script], { cwd: store.data })
    }
  }

  it('are named in a warning, and so is one that a link is in the place of', async () => {
    afterCopying('rm -r gone; mv moved replaced ..; ln -s still replaced')
    const { name, warnings } = await store.snapshot()
    expect(warnings).to.have.length(1)
    expect(warnings[0]).to.include({ code: 'vanished' })
    expect(warnings[0]?.paths?.toSorted()).to.deep.equal(['gone', 'moved', 'replaced'])
    expect(readdirSync(store.dataIn(name))).to.deep.equal(['still'])
  })

  it('are in the next one as they are then', async () => {
    afterCopying('mv moved elsewhere; mv replaced ..; ln -s still replaced')
    await store.snapshot()
    const { name, warnings } = await store.snapshot()
    expect(warnings).to.deep.equal([])
    expect(compareTrees(walkTree(store.data), walkTree(store.dataIn(name)))).to.deep.equal([])
  })
})
