import { type FSWatcher, watch } from 'node:fs'
import { type Act, endOfActs, readActsSince } from '../store/act-log.ts'
import type { StoreLayout } from '../store/layout.ts'

/** Tells what others do to the store while a daemon runs. */
export interface ActFollower {
  /** Looks now, and sees to it that it is told of the next change. */
  look(): void
  stop(): void
}

/**
 * Calls `onAct` for each act that is noted from now on. The kernel tells of changes at once
 * (inotify(7)), where it can: of a store on a network's filesystem it tells only what is done on
 * this machine, so `look` is to be called now and then.
 */
export function followActs(store: StoreLayout, onAct: (act: Act) => void): ActFollower {
  let position = endOfActs(store)
  let watcher: FSWatcher | undefined
  let watched: number | undefined

  function look(): void {
    const { acts, position: end } = readActsSince(store, position)
    position = end
    for (const act of acts) onAct(act)
    if (watched !== position.inode) watchAnew()
  }

  /** The file is another one when it has grown too large. */
  function watchAnew(): void {
    unwatch()
    if (position.inode === 0) return

    try {
      watcher = watch(store.acts, { persistent: false }, lookQuietly)
      watcher.on('error', unwatch)
      watched = position.inode
    } catch {
      // such as for want of watches: it is looked at every now and then
    }
  }

  /** What cannot be read now is told of when it is looked at next. */
  function lookQuietly(): void {
    try {
      look()
    } catch {
      unwatch()
    }
  }

  function unwatch(): void {
    watcher?.close()
    watcher = undefined
    watched = undefined
  }

  return { look, stop: unwatch }
}
