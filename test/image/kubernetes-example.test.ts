import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import type { StatefulSet } from 'kubernetes-types/apps/v1.js'
import type { Pod, PodSpec } from 'kubernetes-types/core/v1.js'
import { parseAllDocuments } from 'yaml'
import { createVolume, execIn } from '../support/docker.ts'
import { commandsUnder } from './support/compose.ts'
import { eventually, logLine } from './support/eventually.ts'
import { sampleOnEngine } from './support/on-engine.ts'
import { type RunningPod, startPod } from './support/pods.ts'
import { succeeded } from './support/sidecar.ts'

const examples = fileURLToPath(new URL('../../examples/kubernetes/', import.meta.url))

/** The first document of an example. */
async function read<T>(file: string): Promise<T> {
  const [first] = parseAllDocuments(await readFile(join(examples, file), 'utf8'))
  return first?.toJS() as T
}

/** A command of the application: does something with its database. */
const withDatabase = (script: string): string[] => [
  'node',
  '--no-warnings',
  '-e',
  `const { DatabaseSync } = require('node:sqlite'); const database = new DatabaseSync('/data/app.db'); ${script}`,
]

/**
 * There is no Kubernetes here. What its files say of containers, volumes, rights, hooks and probes
 * is done by the Engine, and the few commands of kubectl that their comments use by this test.
 */
sampleOnEngine({ oneIn: 2 }, 'examples/kubernetes', () => {
  const pods = new Map<string, RunningPod>()
  const claims = new Map<string, string>()
  let specs: Record<'app-0' | 'app-restore', PodSpec>

  before(async () => {
    const set = (await read<StatefulSet>('sidecar.yaml')).spec
    const pod = (await read<Pod>('restore.yaml')).spec
    if (set?.template.spec === undefined || pod === undefined)
      throw new Error('no Pod is described')
    specs = { 'app-0': set.template.spec, 'app-restore': pod }
    for (const { metadata } of set.volumeClaimTemplates ?? []) {
      claims.set(`${metadata?.name}-app-0`, await createVolume())
    }
    await follow('Start both')
    await logLine(containerOf('app-0', 'snap'), / started: /)
  })

  function claimed(name: string): string {
    const volume = claims.get(name)
    if (volume === undefined) throw new Error(`nobody claims ${name}`)
    return volume
  }

  function containerOf(pod: string, name?: string): string {
    const containers = pods.get(pod)?.containers ?? new Map<string, string>()
    const found = name === undefined ? [...containers.values()][0] : containers.get(name)
    if (found === undefined) throw new Error(`there is no container ${name} in ${pod}`)
    return found
  }

  const startApplication = async (): Promise<void> => {
    pods.set('app-0', await startPod(specs['app-0'], (name) => claimed(`${name}-app-0`)))
  }

  const startRestore = async (): Promise<void> => {
    const spec = specs['app-restore']
    const volumeOf = (name: string): string => {
      const volume = spec.volumes?.find((each) => each.name === name)
      return claimed(volume?.persistentVolumeClaim?.claimName ?? '')
    }
    pods.set('app-restore', await startPod(spec, volumeOf))
  }

  const remove = async (name: string): Promise<void> => {
    await pods.get(name)?.stop()
    pods.delete(name)
  }

  async function kubectl(line: string): Promise<string> {
    const exec = /^exec (\S+)(?: -c (\S+))? -- (.*)$/.exec(line)
    if (exec !== null) {
      const [, pod = '', name, command = ''] = exec
      return succeeded(await execIn(containerOf(pod, name), 'sh', '-c', command))
    }
    const acts: Readonly<Record<string, () => Promise<void>>> = {
      'apply -f sidecar.yaml': startApplication,
      'apply -f restore.yaml': startRestore,
      'scale statefulset/app --replicas 0': async () => remove('app-0'),
      'scale statefulset/app --replicas 1': startApplication,
      'delete pod/app-restore': async () => remove('app-restore'),
      // they are, when the commands before them are done
      'wait --for=delete pod/app-0 --timeout 2m': async () => Promise.resolve(),
      'wait --for=condition=Ready pod/app-restore': async () => Promise.resolve(),
    }
    const act = acts[line]
    if (act === undefined) throw new Error(`this test has no "kubectl ${line}"`)
    await act()
    return ''
  }

  async function follow(heading: string): Promise<string> {
    const outputs: string[] = []
    for (const command of await commandsUnder(join(examples, 'sidecar.yaml'), heading)) {
      outputs.push(await kubectl(command.replace(/^kubectl /, '')))
    }
    return outputs.join('\n')
  }

  async function inApplication(...command: string[]): Promise<string> {
    return eventually(`an answer of the application to ${command.at(-1)}`, async () => {
      const { exitCode, stdout } = await execIn(containerOf('app-0', 'app'), ...command)
      return exitCode === 0 ? stdout.trim() : undefined
    })
  }

  const write = async (name: string): Promise<string> =>
    inApplication(
      ...withDatabase(
        `database.exec("DROP TABLE IF EXISTS fruit; CREATE TABLE fruit AS SELECT '${name}' AS name")`,
      ),
    )
  const readName = async (): Promise<string> =>
    inApplication(
      ...withDatabase("console.log(database.prepare('SELECT name FROM fruit').get().name)"),
    )
  const files = async (): Promise<string> => inApplication('ls', '/data')

  it('has in its snapshots a copy of the database that was made at one instant', async () => {
    await write('plum')
    await follow('Take a snapshot now')
    expect(await follow('See the snapshots')).to.match(/ hooked +before the upgrade/)
    const copy = '/opt/.snap/@GMT-*/app/app.db-copy'
    const check = `
      cp ${copy} /dev/shm/copy && node --no-warnings -e "
        const { DatabaseSync } = require('node:sqlite')
        const database = new DatabaseSync('/dev/shm/copy')
        console.log(database.prepare('PRAGMA integrity_check').get().integrity_check)
        console.log(database.prepare('SELECT name FROM fruit').get().name)"; rm /dev/shm/copy`
    const { stdout } = await execIn(containerOf('app-0', 'snap'), 'sh', '-c', check)
    expect(stdout).to.equal('ok\nplum')
    expect(await files()).not.to.contain('app.db-copy')
  })

  it('brings the copy back as the database', async () => {
    await write('none')
    expect(await follow('Restore')).to.match(/would become[^]*is as it was in/)
    expect(await readName()).to.equal('plum')
    expect(await files()).not.to.contain('app.db-copy')
  })

  it('goes back to the database that the restore replaced', async () => {
    await follow('Go back')
    expect(await readName()).to.equal('none')
  })

  it('has a probe that fails when the daemon does nothing any more', async () => {
    const probe = specs['app-0'].initContainers?.[0]?.livenessProbe?.exec?.command ?? []
    const sidecar = containerOf('app-0', 'snap')
    const isAlive = async () => (await execIn(sidecar, ...probe)).exitCode === 0
    await eventually('a heartbeat', async () => (await isAlive()) || undefined)
    const heartbeat = '/opt/.snap/.snap-volume/heartbeat'
    // a living daemon touches it every 30 s, also in between
    await eventually('a probe that fails', async () => {
      succeeded(await execIn(sidecar, 'touch', '-d', '3 minutes ago', heartbeat))
      return (await isAlive()) ? undefined : true
    })
  })

  it('gives the Pod of a restore what the sidecar has', () => {
    const [sidecar] = specs['app-0'].initContainers ?? []
    const [restore] = specs['app-restore'].containers
    expect(restore?.securityContext).to.deep.equal(sidecar?.securityContext)
    expect(restore?.volumeMounts).to.deep.equal(sidecar?.volumeMounts)
  })
})
