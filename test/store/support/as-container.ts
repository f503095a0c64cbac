import { mkdtemp, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import type { Context } from 'mocha'
import { skipBecause } from '../../support/skip.ts'

const repository = fileURLToPath(new URL('../../../', import.meta.url))

export interface ContainerFacts {
  /** What the runtime leaves in /, such as `.dockerenv`; empty for nothing. */
  marker: string
  /** Directories that are volumes: where they are here, and in the container. */
  volumes: readonly (readonly [source: string, place: string])[]
  /** A directory that the image has. */
  imageDirectory?: string
}

export interface MountsOfContainer {
  /** Words before a command, which runs with them then. */
  through: string[]
  remove(): Promise<void>
}

/**
 * Gives a command the mounts of a container: a root of layers over this machine's, the runtime's
 * own, and some volumes.
 */
export async function makeMountsOfContainer(
  test: Context,
  facts: ContainerFacts,
): Promise<MountsOfContainer> {
  const layers = await mkdtemp(join(tmpdir(), 'layers-'))
  const through = ['unshare', '-m', 'bash', '-euc', mountScript(layers, facts), 'bash']
  const remove = async (): Promise<void> => rmdir(layers)
  const { exitCode, stderr } = await execa(through[0] ?? '', [...through.slice(1), 'true'], {
    reject: false,
  })
  if (exitCode !== 0) {
    await remove()
    skipBecause(test, `no layers can be mounted over / here: ${stderr}`)
  }
  return { through, remove }
}

function mountScript(layers: string, { marker, volumes, imageDirectory }: ContainerFacts): string {
  // the program and its Node may be on filesystems of their own
  const binds = [repository, dirname(process.execPath)].map((path) => [path, path] as const)
  return [
    `mount -t tmpfs tmpfs ${layers}; cd ${layers}; mkdir upper work root`,
    'mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root; cd root',
    'rm -f .dockerenv run/.containerenv',
    'for own in proc dev sys; do mount --rbind /$own $own; done',
    ...(imageDirectory === undefined ? [] : [`mkdir -p .${imageDirectory}`]),
    ...[...binds, ...volumes].map(([from, to]) => `mkdir -p .${to}; mount --bind ${from} .${to}`),
    ...(marker === '' ? [] : [`touch ${marker}`]),
    'exec chroot . "$@"',
  ].join('\n')
}
