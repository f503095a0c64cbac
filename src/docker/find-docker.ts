import { existsSync } from 'node:fs'
import { type DockerClient, connectDocker } from './client.ts'

const usualSocket = '/var/run/docker.sock'

/** The Docker API, or why there is none. */
export type Docker =
  | {
      client: DockerClient
      missing: undefined
      /**
       * By DOCKER_HOST; else a socket was found in its usual place, where an Engine may once have
       * been.
       */
      isAskedFor: boolean
    }
  | { client: undefined; missing: string; isAskedFor?: undefined }

/** Whether an API is to be found; nobody is asked whether it answers. */
export function isDockerThere(host: string | undefined): boolean {
  return host !== undefined || existsSync(usualSocket)
}

/**
 * Where the API is: at DOCKER_HOST, or at the socket in its usual place. Loads nothing where there
 * is none.
 */
export async function findDocker(host: string | undefined): Promise<Docker> {
  const address = host ?? (existsSync(usualSocket) ? `unix://${usualSocket}` : undefined)
  if (address === undefined) {
    return {
      client: undefined,
      missing: `there is no Docker API (no ${usualSocket} here, and no DOCKER_HOST)`,
    }
  }

  return {
    client: await connectDocker(address),
    missing: undefined,
    isAskedFor: host !== undefined,
  }
}
