import { once } from 'node:events'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { type Address, formatAddress } from '../config/address.ts'
import {
  BusyError,
  OperationError,
  UsageError,
  errorCode,
  messageOf,
  throwIfInterrupted,
} from '../errors.ts'
import { aliveMs } from './protocol.ts'
import { makeProof, proofHeader, takeProof } from './socket-proof.ts'

const hurryMs = 5000

/** The daemon that a client talks to. */
export interface Target {
  address: Address
  token: string | undefined
}

/**
 * Sends a request and gives the beginning of its answer, if that is good. Throws OperationError
 * that says what to do: UsageError where the daemon does not know what is asked, BusyError where it
 * is busy.
 */
export async function send(
  target: Target,
  method: string,
  path: string,
  body?: object,
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  const { address, token } = target
  const content = body === undefined ? undefined : JSON.stringify(body)
  const proof = 'socket' in address ? makeProof(address.socket) : undefined
  const options = {
    method,
    path,
    headers: {
      ...(proof === undefined ? {} : { [proofHeader]: proof }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(content === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) }),
    },
    agent: false as const,
  }

  const request =
    'socket' in address
      ? httpRequest({ ...options, socketPath: address.socket })
      : (address.protocol === 'https:' ? httpsRequest : httpRequest)({
          ...options,
          host: address.host,
          port: address.port,
        })

  request.setTimeout(aliveMs * 3, () => request.destroy(new Error('no answer')))
  // who interrupts it waits no longer than for an answer that is on its way
  const hurry = (): void => void request.setTimeout(hurryMs)
  signal?.addEventListener('abort', hurry, { once: true })
  request.end(content)

  let response: IncomingMessage
  try {
    ;[response] = (await once(request, 'response')) as [IncomingMessage]
  } catch (error) {
    throwIfInterrupted(signal)
    throw explainUnreachable(address, error)
  } finally {
    signal?.removeEventListener('abort', hurry)
    // who listens has taken it
    if ('socket' in address) takeProof(address.socket, proof)
  }

  // from now on the response tells of a cut
  request.setTimeout(0)
  request.on('error', () => undefined)
  const status = response.statusCode ?? 0
  if (status >= 200 && status < 300) return response

  throw await explainRefusal(target, status, response)
}

function explainUnreachable(address: Address, cause: unknown): OperationError {
  const where = formatAddress(address)
  const unreachable = (problem: string, fix?: string): OperationError =>
    new OperationError(problem, { cause, fix })
  switch (errorCode(cause)) {
    case 'ECONNREFUSED':
      return unreachable(
        `nobody listens at ${where}`,
        'does the daemon run, and has it a SNAP_TOKEN? Without one it listens on no network',
      )
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return unreachable(
        `there is no host for ${where}`,
        'is the sidecar on the same --network, and SNAP_HOST right? (--link mysql-vol:snap-volume is the older way)',
      )
    case 'ENOENT':
      return unreachable(
        `there is no socket at ${where}`,
        'does the daemon run, and is its store mounted here?',
      )
    default:
      return unreachable(`${where} cannot be reached: ${messageOf(cause)}`)
  }
}

async function explainRefusal(
  { address, token }: Target,
  status: number,
  response: IncomingMessage,
): Promise<OperationError> {
  const where = formatAddress(address)
  const why = await readError(response)

  if (status === 401) {
    return new OperationError(
      token === undefined
        ? `the daemon at ${where} wants a token`
        : `the daemon at ${where} has another token`,
      { fix: 'set SNAP_TOKEN, or SNAP_TOKEN_FILE, to its own' },
    )
  }

  if (status === 413) {
    return new UsageError(`the daemon at ${where} does not take so much: ${why}`)
  }
  if (status === 503) return new BusyError(`the daemon at ${where} is busy: ${why}`)
  if (status === 400 || status === 404) {
    return new UsageError(`the daemon at ${where} does not know that (${why})`, {
      fix: 'is it of the same version?',
    })
  }

  return new OperationError(`the daemon at ${where} answered ${status}: ${why}`)
}

async function readError(response: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of response) {
    text += String(chunk)
    if (text.length > 4096) break
  }

  try {
    const { error } = JSON.parse(text) as { error?: unknown }
    return String(error)
  } catch {
    return response.statusMessage ?? 'no reason'
  }
}
