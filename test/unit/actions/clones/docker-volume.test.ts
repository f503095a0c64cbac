import { expect } from 'chai'
import {
  formatVolumeCommand,
  volumeRequestOf,
} from '../../../../src/actions/clones/docker-volume.ts'
import type { CloneMethod, CloneRecord } from '../../../../src/store/clones.ts'
import { storeLayout } from '../../../../src/store/layout.ts'

function clone(method: CloneMethod, isFlat = false): CloneRecord {
  return {
    schema: 1,
    name: 'trial',
    snapshot: '@GMT-2026.11.20-03.00.00',
    volume: 'mysql',
    of: null,
    method,
    cost: { bytesNow: 0, bytesAtMost: 0 },
    isFlat,
    startedAt: '2026-11-20T03:00:00.000Z',
    finishedAt: null,
  }
}

describe('the Docker volume of a clone', () => {
  it('is a bind mount of the data where a clone has data of its own', () => {
    for (const one of [clone('btrfs'), clone('reflink'), clone('copy'), clone('overlay', true)]) {
      expect(volumeRequestOf(storeLayout('/srv/snap'), one).options).to.deep.equal({
        type: 'none',
        device: '/srv/snap/.snap-volume/clones/trial/data',
        o: 'bind',
      })
    }
  })

  it('is an overlay over the snapshot, in whose paths the kernel finds no end', () => {
    const { options } = volumeRequestOf(storeLayout(String.raw`/srv/a:b,c\d`), clone('overlay'))
    expect(options['o']?.split(/(?<!\\),/).slice(0, 3)).to.deep.equal([
      String.raw`lowerdir=/srv/a\:b\,c\\d/@GMT-2026.11.20-03.00.00/mysql`,
      String.raw`upperdir=/srv/a\:b\,c\\d/.snap-volume/clones/trial/upper`,
      String.raw`workdir=/srv/a\:b\,c\\d/.snap-volume/clones/trial/work`,
    ])
  })

  it('is refused where its options would not fit into a page', () => {
    const deep = `/srv/${'directory/'.repeat(150)}store`
    expect(() => volumeRequestOf(storeLayout(deep), clone('overlay'))).to.throw('is too long')
  })

  it('is made by a command that a shell takes as it is', () => {
    const request = volumeRequestOf(storeLayout('/srv/my snaps'), clone('copy'))
    expect(formatVolumeCommand(request)).to.equal(
      `docker volume create --driver local --opt type=none --opt 'device=/srv/my snaps/.snap-volume/clones/trial/data' --opt o=bind --label 'snap-volume.clone=/srv/my snaps/@GMT-2026.11.20-03.00.00/mysql' trial`,
    )
  })
})
