import { expect } from 'chai'
import { RsyncError, isOfLiveData } from '../../../../src/copy/programs/rsync-command.ts'

const failed = (stderr: string): RsyncError => new RsyncError({ exitCode: 11, stdout: '', stderr })

describe('RsyncError', () => {
  it("says rsync's exit code and first message in one line", () => {
    expect(failed('rsync: read errors\nrsync error: (code 11)\n').message).to.equal(
      'rsync failed with exit code 11: rsync: read errors',
    )
  })

  it('knows a full disk', () => {
    expect(failed('rsync: write failed: No space left on device (28)\n').failure).to.equal('space')
  })

  it('knows a quota that is used up', () => {
    expect(failed('rsync: write failed: Disk quota exceeded (122)\n').failure).to.equal('space')
  })

  it('does not take another failure for a full disk', () => {
    expect(failed('rsync: read failed: Input/output error (5)\n').failure).to.equal('io')
  })

  it('does not take a file with a number in its name for a full disk', () => {
    const stderr = 'rsync: open "/data/photo (28).jpg" failed: Permission denied (13)\n'
    expect(failed(stderr).failure).to.equal('other')
  })
})

const end =
  'rsync error: some files/attrs were not transferred (see previous errors) (code 23) at main.c(1338) [sender=3.5.0]\n'

/** Of entries that went or became something else between two looks. */
const ofLiveData = [
  'file has vanished: "/data/small/20"',
  'rsync: [sender] read errors mapping "/data/large/1": No data available (61)',
  'rsync: [sender] get_acl: sys_acl_get_file(small/20, ACL_TYPE_ACCESS): No such file or directory (2)',
  'rsync: [sender] get_acl: sys_acl_get_file(small/8, ACL_TYPE_DEFAULT): Permission denied (13)',
  'rsync: [sender] get_xattr_names: llistxattr("/data/small/20",1024) failed: No such file or directory (2)',
  'rsync: [sender] get_xattr_data: lgetxattr("/data/small/20","user.colour",0) failed: No data available (61)',
  'rsync: [sender] send_files failed to open "/data/small/37": Too many levels of symbolic links (40)',
  'rsync: [sender] send_files failed to open "/data/small/32/inside": Not a directory (20)',
]

const ofOtherThings = [
  'rsync: [sender] read errors mapping "/data/a": Input/output error (5)',
  'rsync: [sender] send_files failed to open "/data/a": Permission denied (13)',
  'rsync: [sender] send_files failed to open "/data/No such file or directory (2)": Permission denied (13)',
  'rsync: [sender] get_acl: sys_acl_get_file(a, ACL_TYPE_ACCESS): Permission denied (13)',
  'rsync: [sender] get_xattr_names: llistxattr("/data/a",1024) failed: Input/output error (5)',
  'rsync: [receiver] mkstemp "/store/a" failed: No such file or directory (2)',
  'rsync: [sender] change_dir "/data" failed: No such file or directory (2)',
]

const isLive = (line: string, exitCode = 23): boolean =>
  isOfLiveData({ exitCode, stdout: '', stderr: `${line}\n${end}` })

describe('isOfLiveData', () => {
  for (const line of ofLiveData) {
    it(`knows: ${line}`, () => expect(isLive(line)).to.equal(true))
  }

  for (const line of ofOtherThings) {
    it(`takes for a failure: ${line}`, () => expect(isLive(line)).to.equal(false))
  }

  it('takes one failure among them for one', () => {
    const lines = [...ofLiveData, ofOtherThings[0]].join('\n')
    expect(isLive(lines)).to.equal(false)
  })

  it('takes another exit code for a failure', () => {
    expect(isLive(ofLiveData[0] ?? '', 11)).to.equal(false)
  })
})
