import { closeSync, fstatSync } from 'node:fs'
import { lockIfFree } from '../../store/lock.ts'
import {
  lstatIfThere,
  openIfDirectory,
  readNames,
  throughDescriptor,
} from '../../tree/byte-path.ts'
import { PrivateDirectory, isPrivateName } from '../../tree/private-directory.ts'
import { removeEntries, removeIfEmpty } from '../../tree/remove-entry.ts'

/** Not the name of one that a restore into the data has, which may hold what is nowhere else. */
const kind = 'to.'

/**
 * Makes a private directory in `parent`, a path through an open directory, and `made` in that. It is
 * locked before `made` is in it, until this process ends and each program that has its descriptor:
 * one with `made` that is not locked was left by a kill, and is removed here.
 */
export async function makeRoomElsewhere(parent: string): Promise<PrivateDirectory> {
  for (const name of readNames(parent)) {
    if (isPrivateName(name, kind)) await removeIfLeft(`${parent}/${name}`)
  }

  using making = new DisposableStack()
  const room = making.use(new PrivateDirectory(parent, kind))
  // on a filesystem without such locks nobody else gets one, either
  await lockIfFree(room.descriptor)
  room.make('made')
  making.move()
  return room
}

async function removeIfLeft(path: string): Promise<void> {
  const descriptor = openIfDirectory(path)
  if (descriptor === undefined) return
  try {
    const here = throughDescriptor(descriptor)
    const isOwn = fstatSync(descriptor).uid === process.geteuid?.()
    const isMade = lstatIfThere(`${here}/made`) !== undefined
    if (!isOwn || !isMade || !(await lockIfFree(descriptor))) return

    removeEntries(here)
    removeIfEmpty(path)
  } finally {
    closeSync(descriptor)
  }
}
