import { join } from 'node:path'
import type { Run } from '../command.ts'
import type { RestorableStore, StoreKind } from './store.ts'

export interface RsyncStore extends RestorableStore {
  newest: () => string
  removeOldest: () => Promise<void>
}

const copy = ['rsync', '-aHAX']

export interface RsyncLinkDestOptions {
  /** The oldest snapshot goes when there are more. */
  keep?: number
  /** Before a restore it takes a snapshot of what that replaces. */
  isSafe?: boolean
  /** Waits until the data are on the disk. */
  durable?: boolean
}

/** A line or two of a shell script. */
export function rsyncLinkDest(
  run: Run,
  source: string,
  { keep = Infinity, isSafe = false, durable = false }: RsyncLinkDestOptions = {},
): StoreKind<RsyncStore> {
  const afterwards = [
    ...(durable ? ['sync -f'] : []),
    ...(keep === Infinity ? [] : ['rm -rf']),
    ...(isSafe ? ['rsync --delete'] : []),
  ]
  return {
    name: ['rsync --link-dest', ...afterwards].join(', then '),
    make(directory) {
      const snapshots = numberedSnapshots(directory)
      const newest = (): string => snapshots.newest() ?? ''
      const removeOldest = async (): Promise<void> => {
        await run(['rm', '-rf', snapshots.dropOldest()])
      }
      const snapshot = async (): Promise<void> => {
        const base = snapshots.newest()
        const links = base === undefined ? [] : [`--link-dest=${base}`]
        await run([...copy, ...links, `${source}/`, `${snapshots.add()}/`])
        if (durable) await run(['sync', '-f', directory])
        if (snapshots.count() > keep) await removeOldest()
      }
      return Promise.resolve({
        newest,
        removeOldest,
        snapshot,
        async restore() {
          const wanted = newest()
          if (isSafe) await snapshot()
          await run([...copy, '--delete', `${wanted}/`, `${source}/`])
        },
      })
    },
  }
}

export function linkedCopy(run: Run, source: string): StoreKind {
  return {
    name: 'cp -al, then rsync',
    make(directory) {
      const snapshots = numberedSnapshots(directory)
      return Promise.resolve({
        async snapshot() {
          const base = snapshots.newest()
          const target = snapshots.add()
          if (base !== undefined) await run(['cp', '-al', base, target])
          await run([...copy, '--delete', `${source}/`, `${target}/`])
        },
      })
    },
  }
}

export function plainCopy(run: Run, source: string): StoreKind {
  return {
    name: 'rsync -aHAX',
    make: (directory) =>
      Promise.resolve({
        async snapshot() {
          await run([...copy, `${source}/`, `${directory}/0/`])
        },
      }),
  }
}

export function durableCopy(run: Run, source: string): StoreKind {
  return {
    name: 'rsync -aHAX, then sync -f',
    make: (directory) =>
      Promise.resolve({
        async snapshot() {
          await run([...copy, `${source}/`, `${directory}/0/`])
          await run(['sync', '-f', directory])
        },
      }),
  }
}

function numberedSnapshots(directory: string) {
  const paths: string[] = []
  let next = 0
  return {
    count: () => paths.length,
    newest: () => paths.at(-1),
    add(): string {
      const path = join(directory, String(next))
      paths.push(path)
      next += 1
      return path
    },
    dropOldest: () => paths.shift() ?? '',
  }
}
