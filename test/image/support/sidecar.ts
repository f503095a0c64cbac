import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Finished,
  createVolume,
  docker,
  execIn,
  logsOf,
  runContainer,
  startContainer,
} from '../../support/docker.ts'
import { logLine } from './eventually.ts'
import { baseImage, productImage } from './on-engine.ts'

export interface SidecarOptions {
  /** Where the data volume is mounted. */
  path?: string
  /** The UNIQID of the volume. */
  id?: string
  env?: Readonly<Record<string, string>>
  /**
   * More options of `docker run`, for the sidecar and for the containers that share its volumes.
   */
  options?: readonly string[]
  /** A shell script that fills the data before the first start; it runs in the data volume. */
  fill?: string
}

/** A running `start` with a data volume and a store of its own. */
export interface Sidecar {
  container: string
  dataVolume: string
  storeVolume: string
  /** Where the data are mounted in containers, and where they are on this machine. */
  path: string
  data: string
  /** The UNIQID of the volume, and where the store is on this machine. */
  id: string
  store: string
  options: readonly string[]
}

/** Never due while the tests run. */
const never = '0 0 29 2 *'

export async function startSidecar(options: SidecarOptions = {}): Promise<Sidecar> {
  const { path = '/data', id = 'data', env = {}, fill } = options
  const [dataVolume, storeVolume] = [await createVolume(), await createVolume()]
  if (fill !== undefined) await runInVolume(dataVolume, fill)
  const more = options.options ?? []
  const container = await startContainer(productImage, {
    options: [
      '-v',
      `${dataVolume}:${path}`,
      '-v',
      `${storeVolume}:/opt/.snap`,
      ...environment({ SNAP_CRON: never, ...env }),
      ...more,
    ],
    command: ['start', `${id}:${path}`],
  })
  await logLine(container, / started: /)
  return {
    container,
    dataVolume,
    storeVolume,
    path,
    data: await pathOfVolume(dataVolume),
    id,
    store: await pathOfVolume(storeVolume),
    options: more,
  }
}

/** Stops it and starts another one on the same volumes. */
export async function startAnew(
  sidecar: Sidecar,
  env: () => Readonly<Record<string, string>>,
): Promise<Sidecar> {
  const { id, path, options } = sidecar
  await docker('stop', sidecar.container)
  const container = await startContainer(productImage, {
    options: ['--volumes-from', sidecar.container, ...environment(env()), ...options],
    command: ['start', `${id}:${path}`],
  })
  await logLine(container, / started: /)
  return { ...sidecar, container }
}

export function environment(values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).flatMap(([name, value]) => ['-e', `${name}=${value}`])
}

/** Runs a command of the program in a container of its own with --volumes-from. */
export async function runBeside(
  { container, options }: Sidecar,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  return runContainer(productImage, {
    options: ['--volumes-from', container, ...options, ...environment(env)],
    command: [...words],
  })
}

/** Runs a shell script as an application that mounts the data. */
export async function runAsConsumer({ container, path }: Sidecar, script: string): Promise<string> {
  return succeeded(
    await runContainer(baseImage, {
      options: ['--volumes-from', container, '--workdir', path],
      command: ['sh', '-euc', script],
    }),
  )
}

/** Runs a shell script in a volume, which is the working directory then. */
export async function runInVolume(volume: string, script: string): Promise<string> {
  return succeeded(
    await runContainer(baseImage, {
      options: ['-v', `${volume}:/volume`, '--workdir', '/volume'],
      command: ['sh', '-euc', script],
    }),
  )
}

/**
 * Takes a snapshot by `docker exec` and gives its name; throws when it was refused or is flagged.
 * Several in one second are named ahead of the clock, which is told of and does no harm here.
 */
export async function takeSnapshot({ container }: Sidecar, ...words: string[]): Promise<string> {
  const finished = await execIn(container, 'snap-volume', 'snapshot', '--json', ...words)
  const { snapshot } = resultOf(finished.stdout) as {
    snapshot?: { name: string; warnings: { code: string }[] }
  }
  if (snapshot?.warnings.every(({ code }) => code === 'clock') !== true) {
    throw new Error(`no good snapshot (exit code ${finished.exitCode}): ${finished.stdout}`)
  }
  return snapshot.name
}

/** Kills whatever runs in a container by these words, at once. */
export async function killIn(container: string, words: string): Promise<void> {
  const script = `for p in /proc/[0-9]*; do
    tr '\\0' ' ' < $p/cmdline 2>/dev/null | grep -q "$1" && kill -9 "\${p#/proc/}"
  done; true`
  // the pattern is not to find this shell
  await execIn(container, 'sh', '-c', script, 'sh', words.replace(/.$/, '[$&]'))
}

/** The document that ends the JSON lines of a command. */
export function resultOf(output: string): object {
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as object
}

/** Standard output of what ended well; throws otherwise. */
export function succeeded({ exitCode, stdout, stderr }: Finished): string {
  if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${stdout}\n${stderr}`)
  return stdout
}

/** Published snapshots, as the directory lists them, oldest first. */
export function snapshotNames({ store }: Pick<Sidecar, 'store'>): string[] {
  return readdirSync(store)
    .filter((name) => name.startsWith('@GMT-'))
    .toSorted()
}

/** Snapshots that the daemon told of in its log, oldest first. */
export async function snapshotsByDaemon({ container }: Sidecar): Promise<string[]> {
  const log = await logsOf(container)
  return [...log.matchAll(/ snapshot (@GMT-[\d.]+-\d\d\.\d\d\.\d\d)/g)].map(([, name = '']) => name)
}

/** The path of the volume in a snapshot, on this machine. */
export function dataIn({ store, id }: Sidecar, name: string): string {
  return join(store, name, id)
}

async function pathOfVolume(volume: string): Promise<string> {
  return docker('volume', 'inspect', '--format', '{{.Mountpoint}}', volume)
}
