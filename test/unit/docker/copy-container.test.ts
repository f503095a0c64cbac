import { expect } from 'chai'
import type { ContainerInfo } from '../../../src/docker/containers.ts'
import { type CopyOptions, copyContainer } from '../../../src/docker/copy-container.ts'
import { formatRun } from '../../../src/docker/format-run.ts'

function container(parts: { Mounts?: object[]; HostConfig?: object; Config?: object }) {
  return {
    Id: 'a'.repeat(64),
    Name: '/db',
    Image: 'sha256:1234',
    Config: {
      Env: ['PASSWORD=it is secret'],
      Cmd: ['mariadbd', '--skip-name'],
      Entrypoint: ['entry.sh', 'first'],
      User: 'mysql',
      WorkingDir: '',
      Hostname: 'db',
      Labels: { 'com.docker.compose.project': 'shop' },
      ...parts.Config,
    },
    HostConfig: {
      NetworkMode: 'shop_default',
      PortBindings: { '3306/tcp': [] },
      ...parts.HostConfig,
    },
    Mounts: parts.Mounts ?? [],
  } as unknown as ContainerInfo
}

const copy: CopyOptions = {
  name: 'trial-copy',
  labels: { 'snap-volume.copy-of': 'db' },
  clones: new Map([['mysql', 'trial']]),
  volumes: [{ id: 'mysql', hostPath: '/srv/mysql' }],
  store: '/srv/store',
  limits: { memoryBytes: 1024, processes: 10 },
}

const data = { Source: '/srv/mysql', Destination: '/var/lib/mysql', RW: true }

describe('copyContainer', () => {
  it('has the clone where the data are, and no network, port, label and privilege', () => {
    const info = container({ Mounts: [data], HostConfig: { Privileged: true, Devices: [{}] } })
    const { options, leftOut } = copyContainer(info, copy)
    const { HostConfig } = options
    expect(HostConfig?.Mounts?.map(({ Source, Target }) => [Source, Target])).to.deep.equal([
      ['trial', '/var/lib/mysql'],
    ])
    expect(HostConfig).to.include({ NetworkMode: 'none', Memory: 1024, PidsLimit: 10 })
    expect(HostConfig).not.to.have.any.keys('PortBindings', 'Privileged', 'Devices')
    expect(options.Labels).to.deep.equal(copy.labels)
    expect(leftOut).to.deep.equal(['its privileges', 'its devices'])
  })

  it('has the clone in the place of the volume where a directory above it is mounted', () => {
    const above = { Source: '/srv', Destination: '/all', RW: true }
    const { options } = copyContainer(container({ Mounts: [above] }), copy)
    expect(options.HostConfig?.Mounts?.map(({ Target }) => Target)).to.deep.equal(['/all/mysql'])
  })

  it('mounts read-only what the container reads, and never what others write, the socket or the store', () => {
    const { options, leftOut } = copyContainer(
      container({
        Mounts: [
          data,
          { Source: '/etc/my.cnf.d', Destination: '/etc/mysql', RW: false },
          { Source: '/srv/other', Destination: '/other', RW: true },
          { Source: '/var/run/docker.sock', Destination: '/var/run/docker.sock', RW: false },
          { Source: '/srv/store', Destination: '/opt/.snap', RW: true },
          { Source: '', Destination: '/tmpfs', RW: true },
        ],
      }),
      copy,
    )
    expect(
      options.HostConfig?.Mounts?.map(({ Type, Target, ReadOnly }) => [Type, Target, ReadOnly]),
    ).to.deep.equal([
      ['volume', '/var/lib/mysql', undefined],
      ['bind', '/etc/mysql', true],
    ])
    expect(leftOut).to.deep.equal(['/other', '/tmpfs'])
  })

  it('refuses a container that has a part of the volume only', () => {
    const part = { Source: '/srv/mysql/shop', Destination: '/shop', RW: true }
    expect(() => copyContainer(container({ Mounts: [part] }), copy)).to.throw(
      'the container db mounts a part of volume mysql at /shop',
    )
  })

  it('asks for health every two seconds at least, and keeps limits of its own', () => {
    const Healthcheck = { Test: ['CMD', 'true'], Interval: 30_000_000_000, Retries: 5 }
    const { options } = copyContainer(
      container({ Config: { Healthcheck }, HostConfig: { Memory: 77, PidsLimit: 5 } }),
      copy,
    )
    expect(options.Healthcheck).to.include({ Interval: 2_000_000_000, Retries: 5 })
    expect(options.HostConfig).to.include({ Memory: 77, PidsLimit: 5 })
  })
})

describe('formatRun', () => {
  it('is a docker run that a shell takes as it is', () => {
    const { options } = copyContainer(container({ Mounts: [data] }), copy)
    expect(formatRun(options)).to.equal(
      `docker run -d --name trial-copy --network none -v trial:/var/lib/mysql -e 'PASSWORD=it is secret' --user mysql --entrypoint entry.sh sha256:1234 first mariadbd --skip-name`,
    )
  })
})
