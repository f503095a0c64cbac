import { expect } from 'chai'
import { isLinked } from '../../../src/cli/find-daemon.ts'

/** A resolver that gives these answers, one after the other; undefined is an address. */
function resolver(answers: (string | undefined)[]): (name: string) => Promise<void> {
  return async (name) => {
    expect(name).to.equal('snap-volume')
    const code = answers.shift()
    if (code !== undefined) throw Object.assign(new Error(code), { code })
  }
}

describe('The name snap-volume on a network', () => {
  it('is known when a busy resolver says so at the third time', async () => {
    expect(await isLinked(resolver(['EAI_AGAIN', 'EAI_AGAIN', undefined]))).to.equal(true)
  })

  it('is not known to one that is never there', async () => {
    expect(await isLinked(resolver(['EAI_AGAIN', 'EAI_AGAIN', 'EAI_AGAIN']))).to.equal(false)
  })

  it('is not asked for again where nobody has it', async () => {
    const answers = ['ENOTFOUND', undefined]
    expect(await isLinked(resolver(answers))).to.equal(false)
    expect(answers).to.have.length(1)
  })
})
