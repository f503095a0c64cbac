import { expect } from 'chai'
import { isOwnOfContainer } from '../../../src/system/container.ts'
import { parseMounts } from '../../../src/system/mounts.ts'

const runtime = `31 22 0:50 / /proc rw - proc proc rw
32 22 0:51 / /dev rw - tmpfs tmpfs rw
33 32 0:52 / /dev/shm rw - tmpfs shm rw
34 22 8:1 /docker/containers/1/hosts /etc/hosts rw - ext4 /dev/sda1 rw
40 22 8:1 /docker/volumes/files/_data /srv/data rw - ext4 /dev/sda1 rw
`

/** Lines of /proc/self/mountinfo for /, as the storage drivers make them. */
const containerRoots = {
  'overlay2 of Docker and podman': '22 1 0:45 / / rw - overlay overlay rw,lowerdir=/l',
  'rootless podman': '22 1 0:45 / / rw - fuse.fuse-overlayfs fuse-overlayfs rw',
  'the driver vfs': '22 1 8:1 /docker/vfs/dir/0123 / rw - ext4 /dev/sda1 rw',
  'the driver btrfs': '22 1 0:30 /@/docker/btrfs/subvolumes/0123 / rw - btrfs /dev/sda1 rw',
  'the driver devicemapper': '22 1 253:3 /rootfs / rw - xfs /dev/mapper/docker-0123 rw',
}

function ask(path: string, root: string, inImage: boolean, hasMarker: boolean): boolean {
  return isOwnOfContainer(path, inImage, parseMounts(`${root}\n${runtime}`), hasMarker)
}

describe('isOwnOfContainer', () => {
  for (const [what, root] of Object.entries(containerRoots)) {
    it(`knows a container by its marker and the root of ${what}`, () => {
      const paths = ['/srv', '/home', '/etc', '/dev/shm', '/proc/sys']
      expect(paths.filter((path) => ask(path, root, false, true))).to.deep.equal(paths)
    })

    it(`leaves alone what is mounted beside the root of ${what}`, () => {
      const paths = ['/srv/data', '/srv/data/deep']
      expect(paths.filter((path) => ask(path, root, false, true))).to.deep.equal([])
    })

    it(`takes the root of ${what} without a marker for that of a host`, () => {
      expect(ask('/srv', root, false, false)).to.equal(false)
    })
  }

  const host = '22 1 8:1 / / rw - ext4 /dev/sda1 rw'

  it('takes a disk of its own for a machine, although the image it is made of left a marker', () => {
    expect(ask('/srv', host, false, true)).to.equal(false)
  })

  it('knows the image of this program whatever its root is', () => {
    expect(ask('/srv', host, true, false)).to.equal(true)
  })
})
