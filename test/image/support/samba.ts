import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Finished, execIn, startContainer, waitForHealthy } from '../../support/docker.ts'
import { type Sidecar, environment, succeeded } from './sidecar.ts'

/** The image that test/run.sh builds from the Dockerfile of examples/samba. */
export const sambaImage = 'snap-volume-test/samba'

/** Who uses the shares: not root, and the owner of files by number. */
const ann = { name: 'ann', password: 'secret', uid: 1000 }

/** A running smbd that shares the volume of a sidecar. */
export interface Samba {
  container: string
  share: string
}

interface SambaOptions {
  /**
   * Where volume and store are mounted in its container, if not where they are in that of the
   * sidecar.
   */
  path?: string
  storePath?: string
  /** By default it is mounted as `samba-config` asks for. */
  storeMode?: 'ro' | 'rw'
}

/** Starts smbd with just the shares that `samba-config` prints. */
export async function startSamba(
  { container, dataVolume, storeVolume, path, id }: Sidecar,
  options: SambaOptions = {},
): Promise<Samba> {
  const elsewhere = { path, storePath: '/opt/.snap', storeMode: 'ro', ...options }
  const words = [
    ...(options.path === undefined ? [] : [`${id}:${options.path}`]),
    ...(options.storePath === undefined ? [] : ['--store', options.storePath]),
  ]
  const config = succeeded(await execIn(container, 'snap-volume', 'samba-config', ...words))
  const scratch = await mkdtemp(join(tmpdir(), 'samba-'))
  const file = join(scratch, 'shares.conf')
  await writeFile(file, `${config}\n`)
  const mounts = [
    `${dataVolume}:${elsewhere.path}`,
    `${storeVolume}:${elsewhere.storePath}:${elsewhere.storeMode}`,
    `${file}:/etc/samba/shares.conf:ro`,
  ]
  const samba = await startContainer(sambaImage, {
    options: [
      ...mounts.flatMap((mount) => ['-v', mount]),
      ...environment({
        SAMBA_USER: ann.name,
        SAMBA_PASSWORD: ann.password,
        SAMBA_UID: String(ann.uid),
      }),
    ],
  })
  await waitForHealthy(samba)
  // the container keeps what it has mounted
  await rm(scratch, { recursive: true })
  return { container: samba, share: id }
}

/**
 * Runs commands of smbclient(1) as a user who is not root; the exit code does not tell of
 * everything that fails.
 */
export async function runSmbclient(
  { container, share }: Samba,
  commands: string,
): Promise<Finished> {
  const user = `${ann.name}%${ann.password}`
  return execIn(container, 'smbclient', `//localhost/${share}`, '--user', user, '-c', commands)
}

/** The versions that are listed for a file or directory that is there, in their order. */
export async function versionsOf(samba: Samba, name: string): Promise<string[]> {
  const { stdout, stderr } = await runSmbclient(samba, `allinfo "${name}"`)
  if (!stdout.startsWith('altname:')) throw new Error(`no ${name}: ${stdout}${stderr}`)
  return stdout.split('\n').filter((line) => line.startsWith('@GMT-'))
}

/**
 * What a file holds, or a version of one, which is `@GMT-...\name`; throws what keeps the user from
 * it.
 */
export async function fetchFile(samba: Samba, name: string): Promise<string> {
  return succeeded(await runSmbclient(samba, `get "${name}" -`))
}
