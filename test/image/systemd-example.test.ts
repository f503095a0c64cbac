import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { execa } from 'execa'
import { type Daemon, programFile, startDaemon } from '../support/cli.ts'
import { skipBecause } from '../support/skip.ts'
import { commandsUnder } from './support/compose.ts'

const unit = fileURLToPath(new URL('../../examples/systemd/snap-volume.service', import.meta.url))

/**
 * What the unit makes of the machine: nothing can be written but its two directories, which are
 * empty ones here.
 */
const inOwnWorld = [
  'unshare',
  '--mount',
  '--net',
  'bash',
  '-euc',
  `mount -t tmpfs tmpfs /srv
   install -d /srv/data /srv/.snap
   echo one >/srv/data/file
   mount -o remount,bind,ro /
   exec "$@"`,
  'bash',
]

/** The values of a setting, in the order of its lines. */
async function valuesOf(setting: string): Promise<string[]> {
  const lines = (await readFile(unit, 'utf8')).split('\n')
  return lines
    .filter((line) => line.startsWith(`${setting}=`))
    .map((line) => line.slice(setting.length + 1).replace(/^"(.*)"$/, '$1'))
}

describe('examples/systemd/snap-volume.service, without systemd,', () => {
  let scratch: string
  let daemon: Daemon

  before(async function () {
    const { failed, stderr } = await execa({ reject: false })`${[...inOwnWorld, 'true']}`
    if (failed) skipBecause(this, `mounts cannot be changed here: ${stderr}`)
    scratch = await mkdtemp(join(tmpdir(), 'systemd-'))
    await mkdir(join(scratch, 'bin'))
    await symlink(programFile, join(scratch, 'bin/snap-volume'))
    const [capabilities = ''] = await valuesOf('CapabilityBoundingSet')
    const bounding = capabilities.split(' ').map((name) => name.replace('CAP_', '+').toLowerCase())
    const [, start, ...volumes] = (await valuesOf('ExecStart'))[0]?.split(' ') ?? []
    expect(start).to.equal('start')
    daemon = await startDaemon(volumes, {
      env: {
        ...Object.fromEntries((await valuesOf('Environment')).map(splitAtEquals)),
        // here they are on a tmpfs
        SNAP_ACCEPT_STORE: 'true',
      },
      through: [
        ...inOwnWorld,
        'setpriv',
        `--bounding-set=-all,${bounding.join(',')}`,
        '--no-new-privs',
      ],
    })
  })

  after(async () => {
    if (daemon !== undefined) await daemon.stop()
    if (scratch !== undefined) await rm(scratch, { recursive: true })
  })

  /** Runs a script where the service runs. */
  async function beside(script: string): Promise<string> {
    const PATH = `${scratch}/bin:${process.env['PATH']}`
    const { all } = await execa(
      'nsenter',
      ['--target', String(daemon.pid), '--mount', 'bash', '-euc', script],
      { env: { PATH }, stdin: 'ignore', all: true },
    )
    return all
  }

  it('runs with the rights and the places that it gives', async () => {
    const status = await beside(`cat /proc/${daemon.pid}/status`)
    expect(status).to.match(/^NoNewPrivs:\s+1$/m)
    expect(status).to.match(/^CapEff:\s+000000008800001b$/m)
    expect(await beside('touch /etc/file || true')).to.match(/read-only/i)
  })

  it('does what its comments say', async () => {
    const commands = await commandsUnder(unit, 'By hand, as root:')
    expect(commands).to.have.length(3)
    const [snapshot = '', show = '', restore = ''] = commands
    await beside(snapshot)
    expect(await beside(show)).to.contain('before the upgrade')
    await beside('echo two >/srv/data/file')
    await beside(restore)
    expect(await beside('cat /srv/data/file')).to.match(/^one$/m)
  })

  it('ends without a failure', async () => {
    expect(await daemon.stop()).to.equal(0)
  })
})

function splitAtEquals(assignment: string): [name: string, value: string] {
  const at = assignment.indexOf('=')
  return [assignment.slice(0, at), assignment.slice(at + 1)]
}
