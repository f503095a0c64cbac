import type Dockerode from 'dockerode'

/** What Docker waits for a container that names no time of its own (docker-stop(1)). */
const stopGraceSeconds = 10

/**
 * The interval and the timeout of a health check that names none (HEALTHCHECK in the Dockerfile
 * reference).
 */
const usualCheckNs = 30_000_000_000

/** A container as the list of them tells it. */
export interface Container {
  /** 64 hex digits. */
  id: string
  name: string
  /** `running`, `paused`, `exited` and so on. */
  state: string
  labels: Readonly<Record<string, string>>
  mounts: readonly ContainerMount[]
}

export interface ContainerMount {
  /** The name of the Docker volume, where it is one. */
  volume?: string | undefined
  /** A path on the Engine's host; empty for what is in memory only. */
  source: string
  destination: string
  writable: boolean
}

export interface ContainerState {
  /** Also while it is paused, or waits to be started again. */
  running: boolean
  paused: boolean
  /** Its restart policy waits to start it again. */
  restarting: boolean
  /** When it was started last, in the Engine's words. */
  startedAt: string
  /** When it ended last, in the same; of the year 1 where it never did. */
  finishedAt: string
  /** The kernel killed it, because it had no memory left. */
  isOutOfMemory: boolean
  /** How long it has to end when it is stopped; undefined when that is waited for without end. */
  stopGraceMs: number | undefined
  /** It goes, with its anonymous volumes, when it ends (--rm). */
  isRemovedAtEnd: boolean
  /** Undefined without a HEALTHCHECK. */
  health: 'starting' | 'healthy' | 'unhealthy' | undefined
  /**
   * How long after its start the first health check ends at the latest; undefined when one has
   * ended since, or without a HEALTHCHECK.
   */
  firstCheckWithinMs: number | undefined
  /** How it ended last; 0 before it has. */
  exitCode: number
}

/** As the list of containers has it. */
export function describeContainer(info: Dockerode.ContainerInfo): Container {
  return {
    id: info.Id,
    name: info.Names[0]?.replace(/^\//, '') ?? info.Id.slice(0, 12),
    state: info.State,
    labels: info.Labels ?? {},
    mounts: info.Mounts.map(({ Name, Source, Destination, RW }) => ({
      ...(Name === undefined ? {} : { volume: Name }),
      source: Source,
      destination: Destination,
      writable: RW,
    })),
  }
}

/** As the container itself has it. */
export function describeState(info: Dockerode.ContainerInspectInfo): ContainerState {
  const { State, Config, HostConfig } = info
  const health = State.Health?.Status
  // missing where the container names none
  const { StopTimeout: graceSeconds = stopGraceSeconds } = Config as { StopTimeout?: number }

  return {
    running: State.Running,
    paused: State.Paused,
    restarting: State.Restarting,
    startedAt: State.StartedAt,
    finishedAt: State.FinishedAt,
    isOutOfMemory: State.OOMKilled,
    exitCode: State.ExitCode,
    stopGraceMs: graceSeconds < 0 ? undefined : graceSeconds * 1000,
    isRemovedAtEnd: HostConfig.AutoRemove === true,
    health:
      health === 'starting' || health === 'healthy' || health === 'unhealthy' ? health : undefined,
    firstCheckWithinMs: firstCheckWithin(info),
  }
}

/**
 * The Engine waits for an interval before it begins the first check; the log may have checks from
 * before the start.
 */
function firstCheckWithin({ State, Config }: Dockerode.ContainerInspectInfo): number | undefined {
  // podman has a Health without a status where nothing is checked, and null for an empty log
  if ((State.Health?.Status ?? '') === '') return undefined
  const log = (State.Health?.Log ?? []) as { End: string }[]
  if (log.some(({ End }) => Date.parse(End) >= Date.parse(State.StartedAt))) return undefined
  const check = Config.Healthcheck
  return ((check?.Interval || usualCheckNs) + (check?.Timeout || usualCheckNs)) / 1e6
}
