import { expect } from 'chai'
import { findUnmounted } from '../../../src/system/fstab.ts'
import { parseMounts } from '../../../src/system/mounts.ts'

const table = `# /dev/sdz1 /srv/commented ext4 defaults 0 2

UUID=1 / ext4 errors=remount-ro 0 1
UUID=2 none swap sw 0 0
UUID=3\t/mnt/backup/ ext4 noauto 0 2
UUID=4 /mnt/my\\040disk xfs defaults 0 2
UUID=5 /srv ext4 defaults 0 2
UUID=6 /srv/deep ext4 defaults 0 2
`

const mounts = parseMounts(`22 1 8:1 / / rw - ext4 /dev/sda1 rw
30 22 8:2 / /srv/deep rw - ext4 /dev/sdb1 rw
`)

describe('findUnmounted', () => {
  const cases: [path: string, found: string | undefined][] = [
    ['/mnt/backup/snap', '/mnt/backup'],
    ['/mnt/backup', '/mnt/backup'],
    ['/mnt/my disk/snap', '/mnt/my disk'],
    ['/srv/data', '/srv'],
    ['/srv/deep/data', undefined],
    ['/mnt/backups', undefined],
    ['/srv/commented', '/srv'],
    ['/home', undefined],
  ]
  for (const [path, found] of cases) {
    it(`finds ${found ?? 'nothing'} for ${path}`, () => {
      expect(findUnmounted(path, mounts, table)).to.equal(found)
    })
  }
})
