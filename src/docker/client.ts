import type Dockerode from 'dockerode'
import { OperationError, messageOf } from '../errors.ts'
import { DeniedError, call, callTimeoutMs, statusOf } from './call.ts'
import { ContainerMaker } from './containers.ts'
import { demux } from './demux.ts'
import {
  type Container,
  type ContainerState,
  describeContainer,
  describeState,
} from './describe-container.ts'
import { VolumeClient } from './volumes.ts'

/**
 * How runc refuses to execute in a container that is frozen, and in one that still cannot be frozen
 * as a whole; crun says that it is paused.
 */
const refusedAsFrozen = /paused|to freeze/

const notPaused = /is not paused/

/** A command that runs in a container. */
export interface RunningCommand {
  /**
   * Standard input, output and error in both directions; the caller takes it apart with `demux`.
   */
  stream: NodeJS.ReadWriteStream & { destroy(): void }
  demux(stdout: NodeJS.WritableStream, stderr: NodeJS.WritableStream): void
  /** Null while it runs, or when it could not be started. */
  exitCode(): Promise<number | null>
}

export interface CommandRequest {
  command: readonly string[]
  user: string | undefined
  environment: readonly string[]
}

/**
 * The part of the Docker API this program uses. Every call throws OperationError that names its
 * endpoint when the Engine, or a proxy before it, does not do it.
 */
export interface DockerClient {
  /** All of them, running or not: GET /containers/json. */
  listContainers(): Promise<Container[]>
  /** Undefined when there is no such container: GET /containers/ID/json. */
  inspect(id: string, timeoutMs?: number): Promise<ContainerState | undefined>
  /** False when it does not run, is paused already, or gone: POST /containers/ID/pause. */
  pause(id: string): Promise<boolean>
  /** False when it is stopped already, or gone; `graceMs` is its own: POST /containers/ID/stop. */
  stop(id: string, graceMs: number): Promise<boolean>
  /**
   * These do nothing to a container that is so already, or gone: POST /containers/ID/unpause, POST
   * /containers/ID/start.
   */
  unpause(id: string): Promise<void>
  start(id: string): Promise<void>
  /** Kills it and starts it again: POST /containers/ID/restart. */
  restart(id: string): Promise<void>
  /**
   * Whether its processes are frozen although the Engine says that it runs. On cgroup v2 runc
   * leaves them so when a pause fails (opencontainers/runc 5325), and refuses to execute anything
   * there. A command that the container does not have is refused in other words. POST
   * /containers/ID/exec, POST /exec/ID/start.
   */
  isFrozen(id: string): Promise<boolean>
  /** POST /containers/ID/exec, POST /exec/ID/start, GET /exec/ID/json. */
  execute(id: string, request: CommandRequest): Promise<RunningCommand>
  readonly volumes: VolumeClient
  readonly containers: ContainerMaker
}

/**
 * Opens the API at `host` (unix:// or tcp://; TLS as in DOCKER_TLS_VERIFY and DOCKER_CERT_PATH).
 * Nothing is called yet.
 */
export async function connectDocker(host: string): Promise<DockerClient> {
  const { default: Docker } = await import('dockerode')
  // what it finds in the environment itself is DOCKER_HOST, for tcp:// with its certificates
  const docker = new Docker(
    host.startsWith('unix://') ? { socketPath: host.slice('unix://'.length) } : undefined,
  )

  return new EngineClient(docker, host)
}

class EngineClient implements DockerClient {
  readonly volumes: VolumeClient
  readonly containers: ContainerMaker
  readonly #docker: Dockerode
  readonly #host: string

  constructor(docker: Dockerode, host: string) {
    this.volumes = new VolumeClient(docker, host)
    this.containers = new ContainerMaker(docker, host)
    this.#docker = docker
    this.#host = host
  }

  async listContainers(): Promise<Container[]> {
    const found = await this.#call('GET /containers/json', [], (abortSignal) =>
      this.#docker.listContainers({ all: true, abortSignal }),
    )
    return (found ?? []).map(describeContainer)
  }

  async inspect(id: string, timeoutMs?: number): Promise<ContainerState | undefined> {
    const found = await this.#call(
      `GET /containers/${id}/json`,
      [404],
      (abortSignal) => this.#docker.getContainer(id).inspect({ abortSignal }),
      timeoutMs,
    )
    return found === undefined ? undefined : describeState(found)
  }

  async pause(id: string): Promise<boolean> {
    const answer = await this.#call(`POST /containers/${id}/pause`, [404, 409], (abortSignal) =>
      answered(this.#docker.getContainer(id).pause({ abortSignal })),
    )
    return answer !== undefined
  }

  async unpause(id: string): Promise<void> {
    try {
      await this.#call(`POST /containers/${id}/unpause`, [404, 409], (abortSignal) =>
        this.#docker.getContainer(id).unpause({ abortSignal }),
      )
    } catch (error) {
      // Docker answers 500 then
      if (!notPaused.test(messageOf(error))) throw error
    }
  }

  async stop(id: string, graceMs: number): Promise<boolean> {
    const answer = await this.#call(
      `POST /containers/${id}/stop`,
      [304, 404],
      (abortSignal) => answered(this.#docker.getContainer(id).stop({ abortSignal })),
      graceMs + callTimeoutMs,
    )
    return answer !== undefined
  }

  async start(id: string): Promise<void> {
    await this.#call(`POST /containers/${id}/start`, [304, 404], (abortSignal) =>
      this.#docker.getContainer(id).start({ abortSignal }),
    )
  }

  async restart(id: string): Promise<void> {
    // whoever is frozen hears no other signal than SIGKILL
    await this.#call(`POST /containers/${id}/restart`, [404], (abortSignal) =>
      this.#docker.getContainer(id).restart({ t: 0, abortSignal }),
    )
  }

  async isFrozen(id: string): Promise<boolean> {
    // 409: it does not run, or the Engine knows that it is paused
    const created = await this.#call(`POST /containers/${id}/exec`, [404, 409], (abortSignal) =>
      this.#docker.getContainer(id).exec({ Cmd: ['true'], abortSignal }),
    )
    if (created === undefined) return false

    try {
      const answer = await this.#call('POST /exec/ID/start', [404, 409], () =>
        created.start({ Detach: true }),
      )
      answer?.resume()
      return false
    } catch (error) {
      const status = error instanceof OperationError ? statusOf(error.cause) : undefined
      if (status === undefined || error instanceof DeniedError) throw error
      return refusedAsFrozen.test(messageOf(error))
    }
  }

  async execute(
    id: string,
    { command, user, environment }: CommandRequest,
  ): Promise<RunningCommand> {
    const created = await this.#call(`POST /containers/${id}/exec`, [], (abortSignal) =>
      this.#docker.getContainer(id).exec({
        Cmd: [...command],
        ...(user === undefined ? {} : { User: user }),
        Env: [...environment],
        AttachStdin: true,
        AttachStdout: true,
        AttachStderr: true,
        abortSignal,
      }),
    )
    if (created === undefined) throw new OperationError(`container ${id} is gone`)

    // dockerode hands no signal on to this one
    const stream = await this.#call('POST /exec/ID/start', [], () =>
      created.start({ hijack: true, stdin: true }),
    )
    if (stream === undefined) throw new OperationError(`container ${id} is gone`)

    return {
      stream,
      demux: (stdout, stderr) => demux(stream, stdout, stderr),
      exitCode: async () => {
        const state = await this.#call('GET /exec/ID/json', [], (abortSignal) =>
          created.inspect({ abortSignal }),
        )
        return state?.ExitCode ?? null
      },
    }
  }

  async #call<T>(
    endpoint: string,
    expected: readonly number[],
    request: (abortSignal: AbortSignal) => Promise<T>,
    timeoutMs?: number,
  ): Promise<T | undefined> {
    return call(this.#host, endpoint, expected, request, timeoutMs)
  }
}

/** The API answers these with nothing. */
async function answered(work: Promise<unknown>): Promise<true> {
  await work
  return true
}
