import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Finished, docker, runContainer, startContainer } from '../../support/docker.ts'
import { eventually } from './eventually.ts'
import { baseImage, productImage } from './on-engine.ts'
import type { Sidecar } from './sidecar.ts'

/** Options of a sidecar that may use the Docker API. */
export const withDockerSocket = ['-v', '/var/run/docker.sock:/var/run/docker.sock']

/** Writes a number into `a`, then the same into `b`, then the next one, all the time. */
const countScript = `
  const { openSync, writeSync } = require('node:fs')
  const [a, b] = ['a', 'b'].map((name) => openSync('/data/' + name, 'w'))
  let number = 0
  setInterval(() => {
    for (let round = 0; round < 50; round += 1) {
      number += 1
      for (const file of [a, b]) writeSync(file, String(number).padStart(12, '0'), 0)
    }
  }, 1)
  process.on('SIGTERM', () => process.exit(0))`

export interface ConsumerOptions {
  labels?: Readonly<Record<string, string>>
  options?: readonly string[]
  /** By default it counts. */
  command?: readonly string[]
}

/** Starts an application that uses the data of a sidecar. */
export async function startConsumer(
  { container }: Pick<Sidecar, 'container'>,
  { labels = {}, options = [], command = ['node', '-e', countScript] }: ConsumerOptions = {},
): Promise<string> {
  return startContainer(baseImage, {
    options: [
      '--init',
      '--volumes-from',
      container,
      ...Object.entries(labels).flatMap(([key, value]) => ['--label', `${key}=${value}`]),
      ...options,
    ],
    command: [...command],
  })
}

/** Waits until the counting application has written both files. */
export async function isCounting({ data }: Sidecar): Promise<void> {
  await eventually('a number in both files', () =>
    readNumbers(data).every((number) => number > 0) ? true : undefined,
  )
}

/** Waits until the container has run for so many seconds. */
export async function hasRunFor(container: string, seconds: number): Promise<void> {
  await eventually(`${container} runs for ${seconds} s`, async () => {
    const startedAt = await docker('inspect', '--format', '{{.State.StartedAt}}', container)
    return Date.now() - Date.parse(startedAt) > seconds * 1000 ? true : undefined
  })
}

/** The numbers in `a` and `b`; -1 for none. */
export function readNumbers(directory: string): [a: number, b: number] {
  const read = (name: string): number => {
    try {
      return Number(readFileSync(join(directory, name), 'utf8') || '-1')
    } catch {
      return -1
    }
  }
  return [read('a'), read('b')]
}

/** `running`, `paused`, `exited` and so on. */
export async function stateOf(container: string): Promise<string> {
  return docker('inspect', '--format', '{{.State.Status}}', container)
}

export async function nameOf(container: string): Promise<string> {
  return (await docker('inspect', '--format', '{{.Name}}', container)).replace(/^\//, '')
}

/** Runs a command of the program beside a sidecar that is gone, on the same volumes. */
export async function runOnVolumes(
  { dataVolume, storeVolume, path, options }: Sidecar,
  words: readonly string[],
): Promise<Finished> {
  return runContainer(productImage, {
    options: ['-v', `${dataVolume}:${path}`, '-v', `${storeVolume}:/opt/.snap`, ...options],
    command: [...words],
  })
}
