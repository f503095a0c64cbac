import { expect } from 'chai'
import { describeTrouble, readAttributeTrouble } from '../../../src/copy/attribute-trouble.ts'

const full = 'No space left on device'

/** As rsync 3.5.0 and tar 1.34 say it. */
const troubles = [
  {
    line: `rsync: [receiver] rsync_xal_set: fsetxattr("/opt/.snap/.snap-volume/staging/snapshot-aB3dEf/data/in/.a b.VVMbn6","user.big") failed: ${full} (28)`,
    trouble: { attribute: 'user.big', path: 'data/in/a b', words: full },
  },
  {
    line: `rsync: [receiver] rsync_xal_set: lsetxattr("/proc/123/fd/20/made/in/.hidden.VVMbn6","user.big") failed: ${full} (28)`,
    trouble: { attribute: 'user.big', path: 'in/hidden', words: full },
  },
  {
    line: `rsync: [receiver] set_acl: xacl_set(in/.g.PV3HlT, ACL_TYPE_ACCESS): ${full} (28)`,
    trouble: { attribute: 'ACL', path: 'in/g', words: full },
  },
  {
    line: 'rsync: [sender] get_xattr_names: llistxattr("/proc/123/fd/20/./in/.hidden.abcdef",72616) failed: Argument list too long (7)',
    trouble: { attribute: undefined, path: 'in/.hidden.abcdef', words: 'Argument list too long' },
  },
  {
    line: 'rsync: [sender] get_xattr_data: lgetxattr("/data/./f","user.colour",0) failed: No data available (61)',
    trouble: { attribute: 'user.colour', path: 'f', words: 'No data available' },
  },
  {
    line: "tar: setxattrat: Cannot set 'security.NTACL' extended attribute for file '.': Operation not permitted",
    trouble: { attribute: 'security.NTACL', path: '.', words: 'Operation not permitted' },
  },
  {
    line: `tar: acl_set_file_at: Cannot set POSIX ACLs for file '.': ${full}`,
    trouble: { attribute: 'ACL', path: '.', words: full },
  },
  {
    line: 'tar: .: Warning: Cannot flistxattr: Argument list too long',
    trouble: { attribute: undefined, path: '.', words: 'Argument list too long' },
  },
]

const others = [
  `rsync: [receiver] write failed on "/opt/user.big": ${full} (28)`,
  `rsync: [receiver] mkstemp "/opt/.f.PV3HlT" failed: ${full} (28)`,
  `tar: ./f: Cannot write: ${full}`,
  'rsync error: some files/attrs were not transferred (see previous errors) (code 23) at main.c(1394) [sender=3.5.0]',
]

describe('readAttributeTrouble', () => {
  for (const { line, trouble } of troubles) {
    it(`reads: ${line}`, () => expect(readAttributeTrouble(line)).to.deep.equal(trouble))
  }

  for (const line of others) {
    it(`passes over: ${line}`, () => expect(readAttributeTrouble(line)).to.equal(undefined))
  }
})

describe('describeTrouble', () => {
  const trouble = { attribute: 'user.big', path: 'f', words: full }

  it('does not say of a large attribute that a disk is full', () => {
    const { problem, fix } = describeTrouble(trouble, 'the store /opt/.snap') ?? {}
    expect(problem).to.include(
      'user.big of f is too large for the filesystem of the store /opt/.snap',
    )
    expect([problem, fix].join()).to.not.match(/space|full/)
  })

  it('leaves a quota and an I/O error to others', () => {
    for (const words of ['Disk quota exceeded', 'Input/output error']) {
      expect(describeTrouble({ ...trouble, words }, 'the store')).to.equal(undefined)
    }
  })
})
