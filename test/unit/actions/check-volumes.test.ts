import { expect } from 'chai'
import { assertVolumesApart } from '../../../src/actions/check-volumes.ts'
import type { VolumeSpec } from '../../../src/config/volume-spec.ts'
import { UsageError } from '../../../src/errors.ts'
import { parseMounts } from '../../../src/system/mounts.ts'

const root = '22 1 8:1 / / rw - ext4 /dev/sda1 rw\n'
const volume = (id: string, path: string): VolumeSpec => ({ id, path })

/** Checks volumes and a store at /opt/.snap under a table of mounts below the root. */
function check(volumes: readonly VolumeSpec[], ...binds: [at: string, from: string][]): void {
  const lines = binds.map(([at, from], index) => {
    return `${30 + index} 22 8:1 ${from} ${at} rw - ext4 /dev/sda1 rw\n`
  })
  assertVolumesApart('/opt/.snap', volumes, parseMounts(root + lines.join('')))
}

describe('assertVolumesApart', () => {
  it('allows volumes and a store in directories apart', () => {
    expect(() => check([volume('a', '/srv/a'), volume('b', '/srv/b')])).not.to.throw()
  })

  it('allows them on one filesystem through bind mounts', () => {
    expect(() =>
      check(
        [volume('db', '/var/lib/mysql')],
        ['/var/lib/mysql', '/export/data/mysql'],
        ['/opt/.snap', '/export/.snapshot/mysql'],
      ),
    ).not.to.throw()
  })

  it('allows one path on two filesystems', () => {
    const mounts = parseMounts(
      `${root}30 22 8:17 /d /srv rw - xfs /dev/sdb1 rw\n31 22 8:33 /d /opt/.snap rw - xfs /dev/sdc1 rw\n`,
    )
    expect(() => assertVolumesApart('/opt/.snap', [volume('a', '/srv')], mounts)).not.to.throw()
  })

  const nested: [what: string, path: string][] = [
    ['a volume that is the store', '/opt/.snap'],
    ['a volume inside the store', '/opt/.snap/data'],
    ['a volume around the store', '/opt'],
  ]
  for (const [what, path] of nested) {
    it(`refuses ${what}`, () => {
      expect(() => check([volume('a', path)])).to.throw(
        UsageError,
        `the store (/opt/.snap) and volume a (${path}) overlap on the disk`,
      )
    })
  }

  it('refuses a volume inside another', () => {
    expect(() => check([volume('a', '/srv'), volume('b', '/srv/b')])).to.throw(
      UsageError,
      'volume a (/srv) and volume b (/srv/b) overlap on the disk: keep them in directories apart',
    )
  })

  it('refuses a volume that is the store through a bind mount', () => {
    expect(() =>
      check([volume('a', '/srv')], ['/srv', '/export/x'], ['/opt/.snap', '/export/x']),
    ).to.throw(UsageError)
  })

  it('refuses a store that lies inside the data through bind mounts', () => {
    expect(() =>
      check([volume('a', '/srv')], ['/srv', '/export'], ['/opt/.snap', '/export/.snapshot']),
    ).to.throw(UsageError)
  })

  it('refuses data that lie inside the store through bind mounts', () => {
    expect(() =>
      check([volume('a', '/srv')], ['/srv', '/export/snap/data'], ['/opt/.snap', '/export/snap']),
    ).to.throw(UsageError)
  })

  it('refuses two volumes that are one directory through a bind mount', () => {
    expect(() =>
      check([volume('a', '/srv/a'), volume('b', '/export/a')], ['/srv/a', '/export/a']),
    ).to.throw(UsageError)
  })

  it('refuses a volume into which the store is mounted once more (rsync -x does not see it)', () => {
    expect(() => check([volume('a', '/srv')], ['/srv/backup', '/opt/.snap'])).to.throw(UsageError)
  })
})
