import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'

export interface Finished {
  exitCode: number
  stdout: string
  stderr: string
}

export interface ContainerOptions {
  /** Options of `docker run` such as `['-v', 'data:/data', '-e', 'SNAP_MAX=3']`. */
  options?: string[]
  /** What comes after the image. */
  command?: string[]
}

/**
 * All that a run of the tests makes carries this label, so that `sweep` and test/run.sh find it.
 */
export const testLabel = `snap-volume-test=${process.env['SNAP_VOLUME_TEST_RUN'] ?? `pid-${process.pid}`}`

/** Why there is no Engine to test with; undefined if there is one. */
export const engineMissing = process.env['SNAP_VOLUME_TEST_ENGINE_MISSING'] || undefined

/** Runs the docker CLI to its end, whatever its exit code. */
export async function tryDocker(...args: string[]): Promise<Finished> {
  const { exitCode, stdout, stderr, failed, shortMessage } = await execa('docker', args, {
    reject: false,
    stdin: 'ignore',
  })
  if (failed && exitCode === undefined) throw new Error(shortMessage)
  return { exitCode: exitCode ?? 0, stdout, stderr }
}

/** Runs the docker CLI, gives its standard output, throws if it fails. */
export async function docker(...args: string[]): Promise<string> {
  const { stdout } = await execa('docker', args, { stdin: 'ignore' })
  return stdout
}

/** Starts a container in the background and gives its id. */
export async function startContainer(
  image: string,
  { options = [], command = [] }: ContainerOptions = {},
): Promise<string> {
  return docker('run', '--detach', '--label', testLabel, ...options, image, ...command)
}

/** Runs a container to its end; it is gone afterwards. */
export async function runContainer(
  image: string,
  { options = [], command = [] }: ContainerOptions = {},
): Promise<Finished> {
  const finished = await tryDocker(
    'run',
    '--rm',
    '--label',
    testLabel,
    ...options,
    image,
    ...command,
  )
  if (!options.includes('--link')) return finished
  return { ...finished, stderr: withoutDeprecation(finished.stderr) }
}

/**
 * With Engine 29 docker says of each --link that it is deprecated, before the container says
 * anything.
 */
export function withoutDeprecation(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => !/deprecat/i.test(line))
  return lines.join('\n').trimStart()
}

export async function execIn(container: string, ...command: string[]): Promise<Finished> {
  return tryDocker('exec', container, ...command)
}

export async function logsOf(container: string): Promise<string> {
  const { stdout, stderr } = await tryDocker('logs', container)
  return `${stdout}\n${stderr}`
}

export async function createVolume(): Promise<string> {
  return docker('volume', 'create', '--label', testLabel)
}

/** Removes a container, running or not, and its anonymous volumes. */
export async function removeContainer(container: string): Promise<void> {
  await docker('rm', '--force', '--volumes', container)
}

/**
 * Waits until the HEALTHCHECK of the container succeeds; throws its log if it ends or never does.
 */
export async function waitForHealthy(container: string, timeoutMs = 120_000): Promise<void> {
  await waitForState(
    container,
    '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}',
    'running healthy',
    timeoutMs,
  )
}

export async function waitForExit(container: string, timeoutMs = 30_000): Promise<number> {
  await waitForState(container, '{{.State.Status}}', 'exited', timeoutMs)
  return Number(await docker('inspect', '--format', '{{.State.ExitCode}}', container))
}

async function waitForState(
  container: string,
  format: string,
  wanted: string,
  timeoutMs: number,
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const state = await docker('inspect', '--format', format, container)
    if (state === wanted) return
    const isOver = state.startsWith('exited') || state.startsWith('dead')
    if (isOver || performance.now() > deadline) {
      throw new Error(
        `container ${container} is '${state.trim()}', not '${wanted}'; its log:\n${await logsOf(container)}`,
      )
    }
    await sleep(100)
  }
}

/** Removes all that this run of the tests left in the Engine. */
export async function sweep(): Promise<void> {
  if (engineMissing !== undefined) return
  const filter = ['--quiet', '--filter', `label=${testLabel}`]
  const containers = lines(await docker('ps', '--all', ...filter))
  if (containers.length > 0) await docker('rm', '--force', '--volumes', ...containers)
  const volumes = lines(await docker('volume', 'ls', ...filter))
  if (volumes.length > 0) await docker('volume', 'rm', '--force', ...volumes)
  const networks = lines(await docker('network', 'ls', ...filter))
  if (networks.length > 0) await docker('network', 'rm', ...networks)
}

function lines(output: string): string[] {
  return output.split('\n').filter((line) => line !== '')
}
