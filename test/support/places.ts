import type { Context } from 'mocha'
import {
  type FilesystemType,
  type LoopFilesystem,
  type LoopOptions,
  mountLoopFilesystem,
  whyNoLoopFilesystem,
} from './loop-filesystem.ts'
import { skipBecause } from './skip.ts'

/** Where a store and its data can be: every filesystem, and apart on two of them. */
export const places: readonly { title: string; store: FilesystemType; data: FilesystemType }[] = [
  { title: 'on ext4', store: 'ext4', data: 'ext4' },
  { title: 'on XFS', store: 'xfs', data: 'xfs' },
  { title: 'on btrfs', store: 'btrfs', data: 'btrfs' },
  { title: 'from ext4 to XFS', store: 'xfs', data: 'ext4' },
  { title: 'from btrfs to ext4', store: 'ext4', data: 'btrfs' },
]

export interface MountedPlace {
  /** For `makeStore`. */
  on: string
  dataOn: string
  remove(): Promise<void>
}

/** Mounts what a place needs, or skips the tests of `context` where this machine cannot. */
export async function mountPlace(
  context: Context,
  { store, data }: (typeof places)[number],
): Promise<MountedPlace> {
  const storeFilesystem = await loopOrSkip(context, store)
  if (store === data) {
    const { path } = storeFilesystem
    return { on: path, dataOn: path, remove: () => storeFilesystem.remove() }
  }
  try {
    const dataFilesystem = await loopOrSkip(context, data)
    return {
      on: storeFilesystem.path,
      dataOn: dataFilesystem.path,
      async remove() {
        await storeFilesystem.remove()
        await dataFilesystem.remove()
      },
    }
  } catch (error) {
    await storeFilesystem.remove()
    throw error
  }
}

/** Mounts a filesystem for the tests of `context`, or skips them where this machine cannot. */
export async function loopOrSkip(
  context: Context,
  type: FilesystemType,
  options?: LoopOptions,
): Promise<LoopFilesystem> {
  const reason = await askOnce(type)
  if (reason !== undefined) skipBecause(context, reason)
  return mountLoopFilesystem(type, options)
}

const answers = new Map<FilesystemType, Promise<string | undefined>>()

async function askOnce(type: FilesystemType): Promise<string | undefined> {
  const answer = answers.get(type) ?? whyNoLoopFilesystem(type)
  answers.set(type, answer)
  return answer
}
