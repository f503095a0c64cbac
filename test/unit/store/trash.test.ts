import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect } from 'chai'
import type { StoreLayout } from '../../../src/store/layout.ts'
import { createStore } from '../../../src/store/open.ts'
import { createStagedVolume, createStaging, discardStaging } from '../../../src/store/staging.ts'
import { emptyTrash, moveToTrash } from '../../../src/store/trash.ts'
import { plantSnapshot } from '../support/snapshots.ts'
import { useTemporaryDirectory } from '../support/temporary-directory.ts'

describe('the trash', () => {
  const directory = useTemporaryDirectory()
  let store: StoreLayout

  beforeEach(() => {
    store = createStore(directory.path)
  })

  it('takes a snapshot out of sight, with all that is in it', async () => {
    await moveToTrash(store, [plantSnapshot(store, '@GMT-2026.11.20-03.00.00')])
    const [name = ''] = readdirSync(store.trash)
    expect(readdirSync(join(store.trash, name)).toSorted()).to.deep.equal([
      '.snapshot.json',
      'data',
    ])
  })

  it('leaves nothing of it in the store', async () => {
    const path = plantSnapshot(store, '@GMT-2026.11.20-03.00.00')
    await moveToTrash(store, [path])
    expect(existsSync(path)).to.equal(false)
  })

  it('gives it a name that Samba does not take for a snapshot', async () => {
    await moveToTrash(store, [plantSnapshot(store, '@GMT-2026.11.20-03.00.00')])
    expect(readdirSync(store.trash)[0]).to.match(/^GMT-/)
  })

  it('is emptied of what comes meanwhile, too', async () => {
    const large = plantSnapshot(store, '@GMT-2026.11.20-03.00.00')
    for (let index = 0; index < 3000; index += 1) writeFileSync(join(large, String(index)), '')
    const [path = ''] = await moveToTrash(store, [large])
    const atFirst = readdirSync(path).length
    const deletion = emptyTrash(store)
    while (readdirSync(path).length === atFirst) await nextTurn()
    await moveToTrash(store, [plantSnapshot(store, '@GMT-2026.11.20-04.00.00')])
    expect(await deletion).to.equal(undefined)
    expect(readdirSync(store.trash)).to.deep.equal([])
  })

  it('takes two of one name', async () => {
    await moveToTrash(store, [plantSnapshot(store, '@GMT-2026.11.20-03.00.00')])
    await moveToTrash(store, [plantSnapshot(store, '@GMT-2026.11.20-03.00.00')])
    expect(readdirSync(store.trash)).to.have.length(2)
  })

  it('takes what a killed run left in staging', async () => {
    createStagedVolume(createStaging(store), 'data')
    await discardStaging(store)
    expect([readdirSync(store.staging), readdirSync(store.trash).length]).to.deep.equal([[], 1])
  })
})
