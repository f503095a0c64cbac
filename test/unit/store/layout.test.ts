import { expect } from 'chai'
import { storeLayout } from '../../../src/store/layout.ts'

describe('storeLayout', () => {
  const { directory, own, ...places } = storeLayout('/opt/.snap')

  it("keeps the program's own in one directory", () => {
    expect(own).to.equal(`${directory}/.snap-volume`)
  })

  for (const [name, path] of Object.entries(places)) {
    it(`keeps ${name} in it`, () => {
      expect(path.startsWith(`${own}/`)).to.equal(true)
    })
  }

  it('has a place of its own for each', () => {
    expect(new Set(Object.values(places)).size).to.equal(Object.keys(places).length)
  })

  it('names nothing so that Samba takes it for a snapshot', () => {
    expect(Object.values(places).filter((path) => path.includes('@GMT-'))).to.deep.equal([])
  })
})
