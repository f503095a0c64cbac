import { once } from 'node:events'
import { BusyError, OperationError, errorCode, messageOf } from '../errors.ts'
import { findUserNamespace } from '../system/user-namespace.ts'

/** How long the Engine may take for anything but stopping. */
export const callTimeoutMs = 60_000

/**
 * Gives undefined for an answer in `expected`; other refusals become errors that name the endpoint.
 * The time is kept here too: of an answer that is cut off in its middle dockerode never hears.
 */
export async function call<T>(
  host: string,
  endpoint: string,
  expected: readonly number[],
  request: (signal: AbortSignal) => Promise<T>,
  timeoutMs = callTimeoutMs,
): Promise<T | undefined> {
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(), timeoutMs)
  try {
    return await Promise.race([request(timeout.signal), endOf(timeout.signal)])
  } catch (error) {
    const status = statusOf(error)
    if (status !== undefined && expected.includes(status)) return undefined
    throw explain(host, endpoint, error, timeout.signal.aborted ? timeoutMs : undefined)
  } finally {
    clearTimeout(timer)
  }
}

async function endOf(signal: AbortSignal): Promise<never> {
  await once(signal, 'abort')
  throw new Error('no answer')
}

/** A proxy before the Engine does not allow it. */
export class DeniedError extends OperationError {
  override name = 'DeniedError'
}

/** Nobody answers there at all. */
export class UnreachableError extends OperationError {
  override name = 'UnreachableError'
}

function explain(
  host: string,
  endpoint: string,
  error: unknown,
  timedOutMs: number | undefined,
): OperationError {
  const status = statusOf(error)
  if (timedOutMs !== undefined) {
    return new BusyError(
      `the Docker API at ${host} did not answer ${endpoint} within ${timedOutMs / 1000} s`,
      { cause: error, fix: 'is the Engine in order?' },
    )
  }
  if (status === 401 || status === 403) {
    return new DeniedError(`the Docker API at ${host} does not allow ${endpoint} (${status})`, {
      cause: error,
      fix: 'allow it in the socket proxy, see "The Docker API" in docs/databases.md',
    })
  }
  if (status === undefined) {
    return new UnreachableError(
      `the Docker API at ${host} cannot be reached (${errorCode(error) ?? messageOf(error)})`,
      { cause: error, fix: howToReach(error) },
    )
  }

  return new OperationError(
    `the Docker API at ${host} refused ${endpoint} (${status}): ${oneLine(messageOf(error))}`,
    { cause: error },
  )
}

function howToReach(error: unknown): string {
  if (errorCode(error) !== 'EACCES') return 'is the socket mounted, and DOCKER_HOST right?'
  return findUserNamespace() === undefined
    ? 'run as root, or as a user who may use the socket'
    : 'the socket belongs to a user outside of this user namespace; with userns-remap run it with --userns=host; or set DOCKER_HOST to a socket proxy, see docs/user-namespaces.md'
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}

/** With which the API answered; undefined where it did not. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : undefined
}
