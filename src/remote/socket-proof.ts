import { randomUUID } from 'node:crypto'
import { closeSync, constants, openSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { OperationError, errorCode, messageOf } from '../errors.ts'

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants

/** The header of a request over the socket that names a proof. */
export const proofHeader = 'x-snap-volume-proof'

const proofPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const prefix = 'client.'

const pathOf = (socket: string, proof: string): string => join(dirname(socket), prefix + proof)

/**
 * Shows that this process may write where the socket is, and not only read: a socket can be
 * connected to through a read-only mount. Throws OperationError when it may not.
 */
export function makeProof(socket: string): string {
  const proof = randomUUID()
  try {
    closeSync(openSync(pathOf(socket, proof), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600))
    return proof
  } catch (error) {
    throw errorCode(error) === 'EROFS'
      ? new OperationError(
          `the daemon does nothing for those who have its store read-only (${dirname(socket)})`,
          { cause: error, fix: 'mount it read-write' },
        )
      : new OperationError(
          `the daemon asks for a file in ${dirname(socket)}, which cannot be made: ${messageOf(error)}`,
          { cause: error },
        )
  }
}

/** Whether there is such a proof; it can be used once. */
export function takeProof(socket: string, proof: string | undefined): boolean {
  if (proof === undefined || !proofPattern.test(proof)) return false
  try {
    rmSync(pathOf(socket, proof))
    return true
  } catch {
    return false
  }
}

/** Removes the proofs beside the socket that nobody took, because their clients were killed. */
export function sweepProofs(socket: string): void {
  for (const entry of readdirSync(dirname(socket), { withFileTypes: true })) {
    if (entry.isFile() && entry.name.startsWith(prefix)) {
      takeProof(socket, entry.name.slice(prefix.length))
    }
  }
}
