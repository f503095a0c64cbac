import { keepPolicyOf } from '../config/settings.ts'
import { type ActionContext, contextOfProcess } from '../actions/context.ts'
import type { ActionEvent } from '../actions/events.ts'
import type { PreparedStore } from '../actions/store/start-store.ts'
import { isDockerThere } from '../docker/find-docker.ts'
import type { Start } from './resume-before-start.ts'

/** What the snapshots of a daemon work with: the settings it was started with. */
export function daemonContext(
  { settings, environment, volumes, clock, signal }: Start & { signal: AbortSignal },
  { store, abilities }: PreparedStore,
  emit: ActionContext['emit'],
): ActionContext {
  const { maxSnapshots, prune, minFree, engine, exclude, onUnreadable, quiesce } = settings
  const { cron, checksumCron, changeLimit, timeZone } = settings

  return {
    store,
    config: {
      volumes: [...volumes],
      maxSnapshots,
      keep: keepPolicyOf(settings),
      prune,
      ...(minFree === undefined ? {} : { minFree }),
      engine,
      exclude,
      onUnreadable,
      quiesce,
      cron,
      checksumCron,
      changeLimit,
      timeZone,
      hasDockerApi: isDockerThere(settings.dockerHost),
      abilities,
    },
    clock,
    signal,
    ...contextOfProcess(settings, environment),
    emit,
    startedBy: 'daemon',
  }
}

/** Tells news from the progress that comes every half second, whether there is any or not. */
export function createProgressFilter(): (event: ActionEvent) => boolean {
  let last = ''
  return (event) => {
    if (event.type !== 'progress') return true
    const { volume, files, bytes, fraction } = event
    const now = `${volume} ${files} ${bytes} ${fraction}`
    const isNews = now !== last
    last = now
    return isNews
  }
}
