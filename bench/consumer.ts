import type { Run } from './command.ts'

const image = 'snap-volume-bench-consumer'

/** A container that runs, and mounts a directory as its working directory. */
export interface Consumer {
  remove(): Promise<void>
}

/** Why no container can be started here; undefined if one can. */
export async function whyNoConsumer(run: Run): Promise<string | undefined> {
  try {
    await run(['docker', 'version'])
    return undefined
  } catch {
    return 'there is no Docker Engine here'
  }
}

/** Starts a shell script of busybox(1), which finds its programs as `/busybox NAME`. */
export async function startConsumer(
  run: Run,
  directory: string,
  script: string,
): Promise<Consumer> {
  const makeImage = `tar -C "$(dirname "$(realpath "$(command -v busybox)")")" -c busybox | docker import - ${image}`
  await run(['sh', '-c', makeImage])
  const options = ['-d', '--init', '-v', `${directory}:/data`, '-w', '/data']
  const container = await run(
    ['docker', 'run'].concat(options, image, ['/busybox', 'sh', '-c', script]),
  )
  return {
    async remove() {
      await run(['docker', 'rm', '--force', container])
      await run(['docker', 'rmi', image])
    },
  }
}
