import { expect } from 'chai'
import { RsyncError } from '../../../src/copy/rsync-command.ts'

const failed = (stderr: string): RsyncError => new RsyncError({ exitCode: 11, stdout: '', stderr })

describe('RsyncError', () => {
  it("says rsync's exit code and first message in one line", () => {
    expect(failed('rsync: read errors\nrsync error: (code 11)\n').message).to.equal(
      'rsync failed with exit code 11: rsync: read errors',
    )
  })

  it('knows a full disk', () => {
    expect(failed('rsync: write failed: No space left on device (28)\n').isDiskFull).to.equal(true)
  })

  it('does not take another failure for a full disk', () => {
    expect(failed('rsync: read failed: Input/output error (5)\n').isDiskFull).to.equal(false)
  })

  it('does not take a file with a number in its name for a full disk', () => {
    const stderr = 'rsync: open "/data/photo (28).jpg" failed: Permission denied (13)\n'
    expect(failed(stderr).isDiskFull).to.equal(false)
  })
})
