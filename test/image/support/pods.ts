import type { Container, PodSpec } from 'kubernetes-types/core/v1.js'
import { docker, startContainer } from '../../support/docker.ts'
import { baseImage, productImage } from './on-engine.ts'

/**
 * A Pod of Kubernetes as containers of the Engine: what it says of its containers and volumes is
 * done, the rest is not.
 */
export interface RunningPod {
  /** Ids by the names of the containers. */
  containers: ReadonlyMap<string, string>
  /** Ends the application first, then the sidecars, as Kubernetes does it. */
  stop(): Promise<void>
}

const images: Readonly<Record<string, string>> = {
  'snap-volume': productImage,
  'node:24-bookworm-slim': baseImage,
}

/** `volumeOf` says which volume of the Engine stands for one of the Pod. */
export async function startPod(
  { initContainers: sidecars = [], containers }: PodSpec,
  volumeOf: (name: string) => string,
): Promise<RunningPod> {
  const started = new Map<string, string>()
  for (const container of [...sidecars, ...containers]) {
    started.set(container.name, await startOne(container, volumeOf))
  }
  return {
    containers: started,
    async stop() {
      for (const id of [...started.values()].toReversed()) {
        await docker('stop', id)
        await docker('rm', id)
      }
    },
  }
}

async function startOne(container: Container, volumeOf: (name: string) => string): Promise<string> {
  const { image = '', command = [], args = [], env = [], volumeMounts = [] } = container
  const [entrypoint, ...words] = command
  const ours = images[image]
  if (ours === undefined) throw new Error(`no image here stands for ${image}`)
  return startContainer(ours, {
    options: [
      ...(entrypoint === undefined ? [] : ['--entrypoint', entrypoint]),
      ...env.flatMap(({ name, value = '' }) => ['-e', `${name}=${value}`]),
      ...volumeMounts.flatMap(({ name, mountPath }) => ['-v', `${volumeOf(name)}:${mountPath}`]),
      ...optionsOf(container.securityContext ?? {}),
    ],
    command: [...words, ...args],
  })
}

function optionsOf(context: NonNullable<Container['securityContext']>): string[] {
  const { runAsUser, capabilities, allowPrivilegeEscalation, readOnlyRootFilesystem } = context
  return [
    ...(runAsUser === undefined ? [] : ['--user', String(runAsUser)]),
    ...(capabilities?.drop ?? []).flatMap((name) => ['--cap-drop', name]),
    ...(capabilities?.add ?? []).flatMap((name) => ['--cap-add', name]),
    ...(allowPrivilegeEscalation === false ? ['--security-opt', 'no-new-privileges'] : []),
    ...(readOnlyRootFilesystem === true ? ['--read-only'] : []),
  ]
}
