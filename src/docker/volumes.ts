import type Dockerode from 'dockerode'
import { call } from './call.ts'

/** A volume as Docker's local driver makes it. */
export interface VolumeRequest {
  name: string
  labels: Readonly<Record<string, string>>
  /** As of mount(8): `type`, `device` and `o` (docker volume create). */
  options: Readonly<Record<string, string>>
}

/** The part of the Docker API that is about volumes. */
export class VolumeClient {
  readonly #docker: Dockerode
  readonly #host: string

  constructor(docker: Dockerode, host: string) {
    this.#docker = docker
    this.#host = host
  }

  /** The labels of a volume; undefined when there is none of that name: GET /volumes/NAME. */
  async labelsOf(name: string): Promise<Readonly<Record<string, string>> | undefined> {
    const found = await call(this.#host, `GET /volumes/${name}`, [404], (abortSignal) =>
      this.#docker.getVolume(name).inspect({ abortSignal }),
    )
    return found === undefined ? undefined : (found.Labels ?? {})
  }

  /** One of that name is left as it is: POST /volumes/create. */
  async create({ name, labels, options }: VolumeRequest): Promise<void> {
    await call(this.#host, 'POST /volumes/create', [], (abortSignal) =>
      this.#docker.createVolume({
        Name: name,
        Driver: 'local',
        DriverOpts: { ...options },
        Labels: { ...labels },
        abortSignal,
      }),
    )
  }

  /**
   * False where a container has it, running or not; true also when it is gone: DELETE
   * /volumes/NAME.
   */
  async remove(name: string): Promise<boolean> {
    const answer = await call(this.#host, `DELETE /volumes/${name}`, [404, 409], async (signal) => {
      await this.#docker.getVolume(name).remove({ abortSignal: signal })
      return true
    })
    return answer === true || (await this.labelsOf(name)) === undefined
  }
}
