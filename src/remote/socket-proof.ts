import { randomUUID } from 'node:crypto'
import { closeSync, constants, openSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { OperationError, errorCode, messageOf } from '../errors.ts'

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants

/** The header of a request over the socket that names a proof. */
export const proofHeader = 'x-snap-volume-proof'

const pathOf = (socket: string, proof: string): string => join(dirname(socket), `client.${proof}`)

/**
 * Shows that this process may write where the socket is, and not only read: a socket can be connected to through a
 * read-only mount. Throws OperationError when it may not.
 */
export function makeProof(socket: string): string {
  const proof = randomUUID()
  try {
    closeSync(openSync(pathOf(socket, proof), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600))
    return proof
  } catch (error) {
    throw new OperationError(
      errorCode(error) === 'EROFS'
        ? `the daemon does nothing for those who have its store read-only (${dirname(socket)}): mount it read-write`
        : `the daemon asks for a file in ${dirname(socket)}, which cannot be made: ${messageOf(error)}`,
      { cause: error },
    )
  }
}

/** Whether there is such a proof; it can be used once. */
export function takeProof(socket: string, proof: string | undefined): boolean {
  if (proof === undefined || !/^[0-9a-f-]{36}$/.test(proof)) return false
  try {
    rmSync(pathOf(socket, proof))
    return true
  } catch {
    return false
  }
}
