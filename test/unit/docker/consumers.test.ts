import { expect } from 'chai'
import type { Container } from '../../../src/docker/describe-container.ts'
import { findConsumers, findOwnContainer, hostPathOf } from '../../../src/docker/consumers.ts'

const id = 'a'.repeat(64)

function aContainer(differences: Partial<Container> = {}): Container {
  return { id, name: 'db', state: 'running', labels: {}, mounts: [], ...differences }
}

function mounting(source: string, writable = true, destination = '/data'): Container {
  return aContainer({ mounts: [{ source, destination, writable }] })
}

const volumes = [{ id: 'data', hostPath: '/srv/data' }]

describe('findConsumers', () => {
  const places: [source: string, isConsumer: boolean][] = [
    ['/srv/data', true],
    ['/srv/data/sub', true],
    ['/srv', true],
    ['/srv/data2', false],
    ['/other', false],
    // a tmpfs
    ['', false],
  ]
  for (const [source, isConsumer] of places) {
    it(`${isConsumer ? 'finds' : 'passes over'} a container that mounts '${source}'`, () => {
      expect(findConsumers([mounting(source)], volumes)).to.have.length(isConsumer ? 1 : 0)
    })
  }

  it('knows who only reads', () => {
    expect(findConsumers([mounting('/srv/data', false)], volumes)[0]?.writes).to.equal(false)
  })

  it('takes one that mounts it twice for a writer when one of them is writable', () => {
    const container = aContainer({
      mounts: [
        { source: '/srv/data', destination: '/a', writable: false },
        { source: '/srv/data/b', destination: '/b', writable: true },
      ],
    })
    const [consumer] = findConsumers([container], volumes)
    expect([consumer?.writes, consumer?.volumes]).to.deep.equal([true, ['data']])
  })

  it('passes over sidecars', () => {
    const sidecar = { ...mounting('/srv/data'), labels: { 'snap-volume.sidecar': 'true' } }
    expect(findConsumers([sidecar], volumes)).to.deep.equal([])
  })
})

describe('hostPathOf', () => {
  const own = aContainer({
    mounts: [
      { source: '/var/lib/docker/volumes/v/_data', destination: '/var/lib', writable: true },
      { source: '/export/mysql', destination: '/var/lib/mysql', writable: true },
    ],
  })

  it('goes by the mount nearest to the path', () => {
    expect(hostPathOf('/var/lib/mysql', own)).to.equal('/export/mysql')
    expect(hostPathOf('/var/lib/mysql/db', own)).to.equal('/export/mysql/db')
    expect(hostPathOf('/var/lib/other', own)).to.equal('/var/lib/docker/volumes/v/_data/other')
  })

  it('knows none for what is in memory', () => {
    const memory = { source: '', destination: '/var/lib/mysql/tmp', writable: true }
    const container = { ...own, mounts: [...own.mounts, memory] }
    expect(hostPathOf('/var/lib/mysql/tmp/x', container)).to.equal(undefined)
  })

  it('knows none for what is in the container itself', () => {
    expect(hostPathOf('/srv', own)).to.equal(undefined)
  })
})

function inDirectoryOf(owner: string): string[] {
  return ['/', `/var/lib/docker/containers/${owner}/hostname`]
}

describe('findOwnContainer', () => {
  const labels = { 'snap-volume.sidecar': 'true' }
  const store = { source: '/export/snap', destination: '/opt/.snap', writable: true }
  const sidecar = aContainer({ labels })
  const containers = [aContainer({ id: 'b'.repeat(64) }), sidecar]
  it('knows it by the files that Docker mounts into it', () => {
    expect(findOwnContainer(containers, inDirectoryOf(id), 'whatever', ['/x'])?.id).to.equal(id)
  })

  it('knows it by its hostname else', () => {
    expect(findOwnContainer(containers, ['/'], id.slice(0, 12), ['/x'])?.id).to.equal(id)
  })

  it('does not take the container whose network it shares for it', () => {
    const other = 'b'.repeat(64)
    const mounted = aContainer({ labels, mounts: [store] })
    expect(
      findOwnContainer(
        [containers[0] ?? mounted, mounted],
        inDirectoryOf(other),
        other.slice(0, 12),
        ['/opt/.snap'],
      )?.id,
    ).to.equal(id)
  })

  it('is in none on a host', () => {
    expect(findOwnContainer(containers, ['/'], 'myhost', ['/x'])).to.equal(undefined)
  })
})
