import { chmodSync, rmSync } from 'node:fs'
import type { Server } from 'node:http'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAdaptorServer } from '@hono/node-server'
import type { Endpoint } from '../config/address.ts'
import { OperationError, messageOf } from '../errors.ts'
import type { createApp } from './app.ts'
import { sweepProofs } from './socket-proof.ts'

type App = ReturnType<typeof createApp>

const mostConnections = 256

/** Kernels take no longer path for a unix socket (unix(7)). */
const longestSocketPath = 107

const closeGraceMs = 1000

export interface Listener {
  close(): Promise<void>
}

/** Listens on a unix socket that only this user can open; what is left of a daemon before goes. */
export async function listenOnSocket(app: App, path: string): Promise<Listener> {
  if (Buffer.byteLength(path) > longestSocketPath) {
    throw new OperationError(
      `the path of the socket ${path} is longer than ${longestSocketPath} bytes: choose a shorter SNAP_DIR`,
    )
  }
  rmSync(path, { force: true })
  sweepProofs(path)
  const listener = await listen(app, (server) => server.listen(path), path)
  chmodSync(path, 0o600)
  return listener
}

/** Throws OperationError when the address cannot be had. */
export async function listenOnNetwork(app: App, { host, port }: Endpoint): Promise<Listener> {
  return listen(app, (server) => server.listen({ port, host }), `${host ?? ''}:${port}`)
}

async function listen(app: App, begin: (server: Server) => void, where: string): Promise<Listener> {
  const server = createAdaptorServer({
    fetch: app.fetch,
    serverOptions: { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 5000 },
  }) as Server
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
