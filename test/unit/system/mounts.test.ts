import { expect } from 'chai'
import * as fc from 'fast-check'
import {
  isInside,
  isMountPoint,
  locationOf,
  mountOf,
  mountsBelow,
  parseMounts,
  readMounts,
} from '../../../src/system/mounts.ts'

const table = `22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw,errors=remount-ro
30 22 0:26 / /proc rw,nosuid shared:5 - proc proc rw
40 22 8:1 /export/mysql /var/lib/mysql rw,relatime shared:1 master:2 - ext4 /dev/sda1 rw
41 22 8:1 /export/snap /opt/.snap ro,relatime - ext4 /dev/sda1 rw
50 40 8:17 / /var/lib/mysql/big\\040disk rw - xfs /dev/sdb1 ro,attr2
`

const mounts = parseMounts(table)

const escapeOctal = (text: string): string =>
  text.replace(/[ \t\n\\]/g, (one) => `\\${one.charCodeAt(0).toString(8).padStart(3, '0')}`)

describe('parseMounts', () => {
  it('reads every line', () => {
    expect(mounts.map(({ mountPoint }) => mountPoint)).to.deep.equal([
      '/',
      '/proc',
      '/var/lib/mysql',
      '/opt/.snap',
      '/var/lib/mysql/big disk',
    ])
  })

  it('reads what a bind mount shows, whatever optional fields there are', () => {
    expect(mounts[2]).to.deep.equal({
      mountPoint: '/var/lib/mysql',
      root: '/export/mysql',
      device: '8:1',
      type: 'ext4',
      readOnly: false,
    })
  })

  it('knows a mount that is read-only by its own options', () => {
    expect(mounts[3]?.readOnly).to.equal(true)
  })

  it("knows a mount that is read-only by its filesystem's options", () => {
    expect(mounts[4]?.readOnly).to.equal(true)
  })

  it('does not take errors=remount-ro for read-only', () => {
    expect(mounts[0]?.readOnly).to.equal(false)
  })

  const escapes: [escaped: string, meant: string][] = [
    ['\\040', ' '],
    ['\\011', '\t'],
    ['\\012', '\n'],
    ['\\134', '\\'],
    ['\\134040', '\\040'],
    ['ä', 'ä'],
  ]
  for (const [escaped, meant] of escapes) {
    it(`reads ${escaped} in a mount point as ${JSON.stringify(meant)}`, () => {
      const [mount] = parseMounts(`1 0 8:1 /r${escaped} /m${escaped} rw - ext4 /dev/sda1 rw\n`)
      expect([mount?.root, mount?.mountPoint]).to.deep.equal([`/r${meant}`, `/m${meant}`])
    })
  }

  it('reads any mount point as the kernel writes it', () => {
    const path = fc.array(fc.constantFrom('a', ' ', '\t', '\n', '\\', '0', '4', '-'))
    fc.assert(
      fc.property(path, (parts) => {
        const mountPoint = `/${parts.join('')}`
        const [mount] = parseMounts(`1 0 8:1 / ${escapeOctal(mountPoint)} rw - ext4 /dev/sda1 rw\n`)
        expect(mount?.mountPoint).to.equal(mountPoint)
      }),
    )
  })

  it('reads the table of this process', () => {
    expect(isMountPoint(readMounts(), '/')).to.equal(true)
  })
})

describe('mountOf', () => {
  it('is the deepest mount around a path', () => {
    expect(mountOf(mounts, '/var/lib/mysql/db/t.ibd')?.mountPoint).to.equal('/var/lib/mysql')
  })

  it('is the mount itself for its mount point', () => {
    expect(mountOf(mounts, '/opt/.snap')?.mountPoint).to.equal('/opt/.snap')
  })

  it('does not take a name that only begins like a mount point for one inside it', () => {
    expect(mountOf(mounts, '/var/lib/mysql2')?.mountPoint).to.equal('/')
  })

  it('is the last of several on one mount point, which hides the others', () => {
    const twice = parseMounts(`${table}60 22 0:99 / /opt/.snap rw - tmpfs tmpfs rw\n`)
    expect(mountOf(twice, '/opt/.snap/x')?.type).to.equal('tmpfs')
  })

  it('is nothing where nothing is mounted', () => {
    expect(mountOf([], '/x')).to.equal(undefined)
  })
})

describe('mountsBelow', () => {
  it('finds the mounts inside a directory and not the one it is itself', () => {
    expect(mountsBelow(mounts, '/var/lib/mysql').map((one) => one.mountPoint)).to.deep.equal([
      '/var/lib/mysql/big disk',
    ])
  })
})

describe('locationOf', () => {
  it('leads through a bind mount to where the data are', () => {
    expect(locationOf(mounts, '/var/lib/mysql/db')).to.deep.equal({
      device: '8:1',
      path: '/export/mysql/db',
    })
  })

  it('gives one answer for one directory, whichever way it is reached', () => {
    expect(locationOf(mounts, '/var/lib/mysql')).to.deep.equal(locationOf(mounts, '/export/mysql'))
  })

  it('is the root of the filesystem for its mount point', () => {
    expect(locationOf(mounts, '/var/lib/mysql/big disk')).to.deep.equal({
      device: '8:17',
      path: '/',
    })
  })
})

describe('isInside', () => {
  const cases: [path: string, directory: string, inside: boolean][] = [
    ['/a', '/a', true],
    ['/a/b', '/a', true],
    ['/a', '/', true],
    ['/ab', '/a', false],
    ['/a', '/a/b', false],
  ]
  for (const [path, directory, inside] of cases) {
    it(`says ${inside} for ${path} and ${directory}`, () => {
      expect(isInside(path, directory)).to.equal(inside)
    })
  }
})
