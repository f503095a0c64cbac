import { join, relative } from 'node:path'
import type { ContainerCreateOptions } from 'dockerode'
import { OperationError } from '../errors.ts'
import { isInside } from '../system/mounts.ts'
import type { VolumeOnHost } from './consumers.ts'
import type { ContainerInfo } from './containers.ts'

/** What a copy of a container may take, where the container itself has no limit; 0 for no limit. */
export interface CopyLimits {
  memoryBytes: number
  processes: number
}

export interface CopyOptions {
  name: string
  labels: Readonly<Record<string, string>>
  /** The Docker volume that stands for each of ours. */
  clones: ReadonlyMap<string, string>
  /** Where ours are, and the store, which no copy needs. */
  volumes: readonly VolumeOnHost[]
  store: string
  limits: CopyLimits
}

/** How to make a copy of a container, and what of it the copy does not have. */
export interface ContainerCopy {
  options: ContainerCreateOptions
  leftOut: string[]
}

/** Health is asked for so often at least: nobody wants to wait for the next time. */
const longestIntervalNs = 2_000_000_000

/**
 * A copy of a container with the same image, environment, command and user, on clones of its
 * volumes: without a network, without ports, without its labels, privileges and devices. What it
 * mounts read-only the copy has too, but for the Docker socket; other writable mounts are live data
 * of somebody, and are left out. Throws OperationError where it mounts a part of a volume only.
 */
export function copyContainer(info: ContainerInfo, copy: CopyOptions): ContainerCopy {
  const { Config, HostConfig } = info
  const { mounts, leftOut } = chooseMounts(info, copy)
  const check = Config.Healthcheck
  if (HostConfig.Privileged === true) leftOut.push('its privileges')
  if ((HostConfig.Devices ?? []).length > 0) leftOut.push('its devices')

  const options: ContainerCreateOptions = {
    name: copy.name,
    Image: info.Image,
    Env: Config.Env,
    Cmd: Config.Cmd,
    // of nothing Docker would take what the image has
    Entrypoint: Config.Entrypoint ?? [''],
    OpenStdin: Config.OpenStdin,
    User: Config.User,
    WorkingDir: Config.WorkingDir,
    Hostname: Config.Hostname,
    Labels: { ...copy.labels },
    ...(check?.Test === undefined
      ? {}
      : {
          Healthcheck: {
            ...check,
            Interval: Math.min(check.Interval || longestIntervalNs, longestIntervalNs),
          },
        }),
    HostConfig: {
      NetworkMode: 'none',
      Mounts: mounts,
      ...(HostConfig.Tmpfs ? { Tmpfs: HostConfig.Tmpfs } : {}),
      Memory: HostConfig.Memory || copy.limits.memoryBytes,
      NanoCpus: HostConfig.NanoCpus ?? 0,
      PidsLimit: HostConfig.PidsLimit || copy.limits.processes,
      ...(HostConfig.ShmSize === undefined ? {} : { ShmSize: HostConfig.ShmSize }),
      Ulimits: HostConfig.Ulimits ?? [],
      CpuQuota: HostConfig.CpuQuota ?? 0,
      CpuPeriod: HostConfig.CpuPeriod ?? 0,
      CpuShares: HostConfig.CpuShares ?? 0,
      CpusetCpus: HostConfig.CpusetCpus ?? '',
      ...(HostConfig.GroupAdd ? { GroupAdd: HostConfig.GroupAdd } : {}),
      ...(HostConfig.Sysctls ? { Sysctls: HostConfig.Sysctls } : {}),
      ...(HostConfig.ExtraHosts ? { ExtraHosts: HostConfig.ExtraHosts } : {}),
      CapAdd: HostConfig.CapAdd,
      CapDrop: HostConfig.CapDrop,
      SecurityOpt: HostConfig.SecurityOpt,
      ReadonlyRootfs: HostConfig.ReadonlyRootfs === true,
      Init: HostConfig.Init === true,
      RestartPolicy: { Name: '' },
      // what it prints takes no disk either
      LogConfig: { Type: 'json-file', Config: { 'max-size': '1m', 'max-file': '1' } },
    },
  }
  return { options, leftOut }
}

/** A read-only mount keeps nobody from connecting. */
const sockets = ['/var/run/docker.sock', '/run/docker.sock']

type MountSettings = NonNullable<NonNullable<ContainerCreateOptions['HostConfig']>['Mounts']>

function chooseMounts(
  { Name, Mounts }: ContainerInfo,
  { clones, volumes, store }: CopyOptions,
): { mounts: MountSettings; leftOut: string[] } {
  const mounts: MountSettings = []
  const leftOut: string[] = []
  for (const { Source, Destination, RW } of Mounts) {
    if (Source === '') {
      leftOut.push(Destination)
      continue
    }
    const ours = volumes.filter(({ id, hostPath }) => clones.has(id) && isInside(hostPath, Source))
    for (const { id, hostPath } of ours) {
      mounts.push({
        Type: 'volume',
        Source: clones.get(id) ?? '',
        Target: join(Destination, relative(Source, hostPath)),
        VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: '', Options: {} } },
      })
    }
    if (ours.length > 0) continue

    const whole = volumes.find(({ hostPath }) => isInside(Source, hostPath))
    if (whole !== undefined) {
      throw new OperationError(
        `the container ${Name.replace(/^\//, '')} mounts a part of volume ${whole.id} at ${Destination}, and a clone is of the whole`,
      )
    }
    const isClosed = [store, ...sockets].some((path) => isInside(path, Source))
    if (Source === store || Source.endsWith('/docker.sock')) continue
    if (RW || isClosed || isInside(Source, store)) leftOut.push(Destination)
    else mounts.push({ Type: 'bind', Source, Target: Destination, ReadOnly: true })
  }
  return { mounts, leftOut }
}
