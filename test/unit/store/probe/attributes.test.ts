import { expect } from 'chai'
import { execa } from 'execa'
import { archiveEntry, probeAttributes } from '../../../../src/store/probe/attributes.ts'
import { useTemporaryDirectory } from '../../support/temporary-directory.ts'

describe('archiveEntry', () => {
  for (const value of ['x', 'x'.repeat(90), 'x'.repeat(600)]) {
    it(`is what tar reads, with an attribute of ${value.length} bytes`, async () => {
      const input = Buffer.concat([archiveEntry('file', '0', { key: value }), Buffer.alloc(1024)])
      const { stdout, stderr } = await execa('tar', ['-tv'], { input, env: { LC_ALL: 'C' } })
      expect(stdout).to.match(/^-rwx------ .* file$/)
      // it names each key that it read and does not know
      expect(stderr).to.include("unknown extended header keyword 'key'")
    })
  }
})

describe('probeAttributes', () => {
  const directory = useTemporaryDirectory()

  for (const [which, id] of [
    ['with a name', 1],
    ['without one', 70_001],
  ] as const) {
    it(`sees the ACL of a user ${which}`, async () => {
      expect(await probeAttributes(directory.path, id)).to.have.property('acls', true)
    })
  }
})
