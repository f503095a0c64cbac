import { expect } from 'chai'
import type { Hold } from '../../../../src/actions/consumers/hold.ts'
import { alreadyQuiesced } from '../../../../src/actions/consumers/hold.ts'
import { quiesced } from '../../../../src/actions/consumers/quiesced.ts'

/** Does one after the other what it is told, and notes it; the steps that are named fail. */
async function follow(failing: readonly string[]): Promise<{ steps: string[]; error: unknown }> {
  const steps: string[] = []
  const step = (name: string) => async (): Promise<void> => {
    steps.push(name)
    if (failing.includes(name)) throw new Error(name)
    return Promise.resolve()
  }

  const hold: Hold = {
    ...alreadyQuiesced({} as Hold),
    begin: step('begin'),
    release: step('release'),
    async end(error) {
      steps.push(error instanceof Error ? `end after ${error.message}` : 'end')
      return Promise.resolve()
    },
  }
  const error: unknown = await quiesced(hold, step('work'), step('afterwards')).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  return { steps, error }
}

describe('quiesced', () => {
  const cases: [failing: string[], steps: string[], thrown: string | undefined][] = [
    [[], ['begin', 'work', 'release', 'afterwards', 'end'], undefined],
    [['begin'], ['begin', 'release', 'end after begin'], 'begin'],
    [['work'], ['begin', 'work', 'release', 'end after work'], 'work'],
    [['release'], ['begin', 'work', 'release', 'afterwards', 'end after release'], 'release'],
    [
      ['afterwards'],
      ['begin', 'work', 'release', 'afterwards', 'end after afterwards'],
      'afterwards',
    ],
    [['work', 'release'], ['begin', 'work', 'release', 'end after work'], 'work'],
  ]
  for (const [failing, steps, thrown] of cases) {
    const what = failing.length === 0 ? 'nothing fails' : `${failing.join(' and ')} fails`
    it(`lets everyone go on, and tells the post hooks, where ${what}`, async () => {
      const followed = await follow(failing)
      expect(followed.steps).to.deep.equal(steps)
      expect((followed.error as Error | undefined)?.message).to.equal(thrown)
    })
  }

  it('gives what the work gives', async () => {
    const hold = { ...alreadyQuiesced({} as Hold), release: async () => Promise.resolve() }
    expect(await quiesced(hold, async () => Promise.resolve(7))).to.equal(7)
  })
})
