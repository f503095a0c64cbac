import { chmodSync, rmSync } from 'node:fs'
import type { Server } from 'node:http'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAdaptorServer } from '@hono/node-server'
import type { Endpoint } from '../config/address.ts'
import { OperationError, messageOf } from '../errors.ts'
import type { createApp } from './app.ts'
import { aliveMs } from './protocol.ts'
import { sweepProofs } from './socket-proof.ts'

type App = ReturnType<typeof createApp>

const mostConnections = 256

/** Kernels take no longer path for a unix socket (unix(7)). */
const longestSocketPath = 107

const closeGraceMs = 1000

/** After so long a connection is ended, because each takes one of those there may be. */
export interface Timeouts {
  /**
   * From its beginning to the end of a request's head; it may be half as long again until that is
   * looked at.
   */
  headMs: number
  /**
   * Without a byte that comes, or is taken by who reads; it may be twice as long, because Node.js
   * looks again where something waits to be taken. Longer than the daemon is silent on one that
   * lives.
   */
  stuckMs: number
}

const usualTimeouts: Timeouts = { headMs: 10_000, stuckMs: aliveMs * 2 }

export interface Listener {
  close(): Promise<void>
}

/** Listens on a unix socket that only this user can open; what is left of a daemon before goes. */
export async function listenOnSocket(
  app: App,
  path: string,
  timeouts = usualTimeouts,
): Promise<Listener> {
  if (Buffer.byteLength(path) > longestSocketPath) {
    throw new OperationError(
      `the path of the socket ${path} is longer than ${longestSocketPath} bytes`,
      { fix: 'choose a shorter SNAP_DIR' },
    )
  }

  rmSync(path, { force: true })
  sweepProofs(path)
  const listener = await listen(app, (server) => server.listen(path), path, timeouts)
  chmodSync(path, 0o600)
  return listener
}

/** Throws OperationError when the address cannot be had. */
export async function listenOnNetwork(app: App, { host, port }: Endpoint): Promise<Listener> {
  const where = `${host ?? ''}:${port}`
  return listen(app, (server) => server.listen({ port, host }), where, usualTimeouts)
}

async function listen(
  app: App,
  begin: (server: Server) => void,
  where: string,
  { headMs, stuckMs }: Timeouts,
): Promise<Listener> {
  const server = createAdaptorServer({
    fetch: app.fetch,
    serverOptions: {
      headersTimeout: headMs,
      requestTimeout: headMs * 3,
      connectionsCheckingInterval: headMs / 2,
      keepAliveTimeout: 5000,
    },
  }) as Server

  // writing to a connection that takes nothing does not count; what is lost can be asked for again
  server.timeout = stuckMs
  server.maxConnections = mostConnections
  // what is no HTTP is not worth a line in the log
  server.on('clientError', (_, socket) => socket.destroy())

  try {
    begin(server)
    await once(server, 'listening')
  } catch (error) {
    throw new OperationError(`the daemon cannot listen on ${where}: ${messageOf(error)}`, {
      cause: error,
    })
  }

  return {
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeIdleConnections()

      // what has been printed last is still on its way
      await Promise.race([closed, sleep(closeGraceMs, undefined, { ref: false })])
      server.closeAllConnections()
      await closed
    },
  }
}
