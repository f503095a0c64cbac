import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import type Dockerode from 'dockerode'
import type { ContainerCreateOptions, ContainerInspectInfo } from 'dockerode'
import { call } from './call.ts'
import { demux } from './demux.ts'

/** All that Docker says of a container. */
export type ContainerInfo = ContainerInspectInfo

/** Of what a container prints, so much of the end is kept. */
const keptLines = 200

/** The part of the Docker API that makes containers, and takes them away again. */
export class ContainerMaker {
  readonly #docker: Dockerode
  readonly #host: string

  constructor(docker: Dockerode, host: string) {
    this.#docker = docker
    this.#host = host
  }

  /** All that Docker says of a container; undefined when it is gone: GET /containers/ID/json. */
  async describe(id: string): Promise<ContainerInfo | undefined> {
    return call(this.#host, `GET /containers/${id}/json`, [404], (abortSignal) =>
      this.#docker.getContainer(id).inspect({ abortSignal }),
    )
  }

  /** Makes one that does not run yet, and gives its id: POST /containers/create. */
  async create(options: ContainerCreateOptions): Promise<string> {
    const made = await call(this.#host, 'POST /containers/create', [], (abortSignal) =>
      this.#docker.createContainer({ ...options, abortSignal }),
    )
    return made?.id ?? ''
  }

  /** Kills it and removes it with its anonymous volumes; nothing where it is gone: DELETE. */
  async remove(id: string): Promise<void> {
    await call(this.#host, `DELETE /containers/${id}`, [404, 409], async (abortSignal) => {
      await this.#docker.getContainer(id).remove({ force: true, v: true, abortSignal })
      return true
    })
  }

  /** Waits until it has ended: POST /containers/ID/wait. */
  async wait(id: string, timeoutMs: number): Promise<number> {
    const ended = await call<{ StatusCode: number }>(
      this.#host,
      `POST /containers/${id}/wait`,
      [],
      (abortSignal) =>
        this.#docker.getContainer(id).wait({ abortSignal }) as Promise<{ StatusCode: number }>,
      timeoutMs,
    )
    return ended?.StatusCode ?? -1
  }

  /** The end of what it has printed so far, without a terminal: GET /containers/ID/logs. */
  async output(id: string): Promise<string> {
    const log = await call(this.#host, `GET /containers/${id}/logs`, [404, 409], (abortSignal) =>
      this.#docker
        .getContainer(id)
        .logs({ stdout: true, stderr: true, tail: keptLines, follow: false, abortSignal }),
    )
    if (log === undefined) return ''

    const chunks: Buffer[] = []
    const sink = new PassThrough()
    sink.on('data', (chunk: Buffer) => void chunks.push(chunk))
    const frames = new PassThrough()
    demux(frames, sink, sink)
    frames.end(log)
    await once(frames, 'end')
    return Buffer.concat(chunks).toString()
  }
}
