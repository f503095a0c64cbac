import { expect } from 'chai'
import { explainFailure, inStore } from '../../../src/actions/explain-failure.ts'
import { OperationError, ProgramError, failureCauseOf } from '../../../src/errors.ts'

const explain = async (error: unknown): Promise<Error> =>
  (await explainFailure(error, inStore('/'), 'nothing was published')) as Error

const xattr = (words: string): string =>
  `rsync: [receiver] rsync_xal_set: fsetxattr("/x/./f","user.big") failed: ${words}\n`

describe('explainFailure', () => {
  const quotas = [
    ['an error of Node', Object.assign(new Error('x'), { code: 'Unknown system error -122' })],
    ['rsync', new ProgramError('x', 'rsync: write failed on "f": Disk quota exceeded (122)\n')],
    ['tar', new ProgramError('x', 'tar: ./f: Cannot write: Disk quota exceeded\n')],
    ['sync', new ProgramError('x', "sync: error syncing '/': Disk quota exceeded\n")],
    ['btrfs', new ProgramError('x', 'ERROR: cannot snapshot: Disk quota exceeded\n')],
    ['rsync, of an attribute', new ProgramError('x', xattr('Disk quota exceeded (122)'))],
  ] as const
  for (const [whose, error] of quotas) {
    it(`calls a store full whose quota is used up, in the words of ${whose}`, async () => {
      const explained = await explain(error)
      expect(explained.message).to.include('the store / is full (the disk quota is used up): ')
      expect(failureCauseOf(explained)).to.equal('space')
    })
  }

  it('calls it full in the words of any program', async () => {
    const { message } = await explain(new ProgramError('x', 'tar: f: No space left on device\n'))
    expect(message).to.match(/^the store \/ is full \(.* left\): nothing was published; /)
  })

  it('names an attribute that is too large, and is no failure for want of space', async () => {
    const error = new ProgramError('x', xattr('No space left on device (28)'))
    const explained = await explain(error)
    expect(explained.message).to.include('user.big of f is too large for the filesystem of')
    expect(explained.message).to.not.include('full')
    expect(failureCauseOf(explained)).to.equal('other')
  })

  it('calls a store full where files have no room either', async () => {
    const both = `${xattr('No space left on device (28)')}rsync: write failed: No space left on device (28)\n`
    expect((await explain(new ProgramError('x', both))).message).to.include('is full')
  })

  it('passes on what says what is wrong', async () => {
    const error = new OperationError('x')
    expect(await explain(error)).to.equal(error)
  })
})
