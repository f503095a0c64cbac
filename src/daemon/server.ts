import type { StatusDescription } from '../actions/report/status.ts'
import type { Settings } from '../config/settings.ts'
import { type AppOptions, createApp } from '../remote/app.ts'
import type { CommandExecutor } from '../remote/executor.ts'
import { type Listener, listenOnNetwork, listenOnSocket } from '../remote/listen.ts'
import { Runs } from '../remote/runs.ts'
import type { StoreLayout } from '../store/layout.ts'
import type { Clock } from '../system/clock.ts'
import type { Log } from '../system/log.ts'
import { programVersion } from '../system/version.ts'
import { OperationError } from '../errors.ts'
import type { Metrics } from './metrics.ts'

export interface ServerOptions {
  store: StoreLayout
  settings: Settings
  executor: CommandExecutor
  metrics: Metrics
  readStatus: () => Promise<StatusDescription>
  clock: Clock
  signal: AbortSignal
  log: Log
}

/**
 * Listens on the socket in the store, and on the network where there is a token; returns what ends
 * it.
 */
export async function startServer(options: ServerOptions): Promise<() => Promise<void>> {
  const { store, settings, executor, metrics, readStatus, clock, signal, log } = options
  const runs = new Runs(executor, clock, signal)
  const shared: Omit<AppOptions, 'access'> = {
    executor,
    runs,
    metricsPublic: settings.metricsPublic,
    async health() {
      const { health } = await readStatus()
      return { isHealthy: health.level !== 'critical', document: health }
    },
    metrics: async () => metrics.render(),
    version: programVersion,
  }

  const listeners: Listener[] = []
  const stop = async (): Promise<void> => {
    await runs.stop()
    await Promise.all(listeners.map(async (listener) => listener.close()))
  }

  try {
    const { token, listen } = settings
    if (token !== undefined) {
      listeners.push(await listenOnNetwork(createApp({ ...shared, access: { token } }), listen))
      log.info(`listening on ${listen.host ?? ''}:${listen.port}`)
    } else if (settings.given.has('listen')) {
      log.warn('SNAP_LISTEN has no effect without SNAP_TOKEN: nothing listens on the network')
    }

    await listenOnStoreSocket(
      listeners,
      createApp({ ...shared, access: { socket: store.socket } }),
      options,
    )
  } catch (error) {
    await stop()
    throw error
  }

  return stop
}

/** Not every filesystem has sockets; whoever shares the store can do without. */
async function listenOnStoreSocket(
  listeners: Listener[],
  app: ReturnType<typeof createApp>,
  { store, log }: ServerOptions,
): Promise<void> {
  try {
    listeners.push(await listenOnSocket(app, store.socket))
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    log.warn(`${error.message}; commands work without it`)
  }
}
