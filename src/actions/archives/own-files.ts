import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ArchiveHeader, formatHeader } from '../../archive/header.ts'
import {
  type listNames,
  headerFileName,
  ownDirectory,
  patchesDirectory,
  recordFileName,
} from '../../archive/member-check.ts'
import type { ArchivePlan } from '../../archive/plan-archive.ts'
import { readRestoreScript, restoreScriptName } from '../../archive/restore-script.ts'
import { type SnapshotRecord, formatRecord } from '../../store/record.ts'
import { listPaths } from '../../tree/path-list.ts'
import type { Patch } from './patches.ts'

export interface OwnFiles {
  header: ArchiveHeader
  record: SnapshotRecord
  plan: ArchivePlan
  patches: readonly Patch[]
}

/** Makes the directory of patches, in which they are made. */
export function makePatchesDirectory(room: string): string {
  const directory = join(room, ownDirectory, patchesDirectory)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  return directory
}

/**
 * Writes what an archive holds beside the data. Gives the names, in the order in which they come: a
 * reader knows what it reads before any of the data.
 */
export function writeOwnFiles(room: string, files: OwnFiles): string[] {
  const { header, record, plan, patches } = files
  const lists: Record<(typeof listNames)[number], readonly string[]> = {
    deleted: plan.deleted,
    linked: plan.linked.flatMap(({ path, base }, index) => [String(index), path, base]),
    patched: patches.flatMap(({ number, path, from, to }) => [String(number), path, from, to]),
    // the root has the empty path
    remade: plan.remade.map((path) => path || '.'),
    sockets: plan.sockets,
    aliases: plan.aliases.flatMap(({ path, first }) => [path, first]),
  }

  const contents = [
    [headerFileName, formatHeader(header)],
    [restoreScriptName, readRestoreScript()],
    [recordFileName, formatRecord(record)],
    ...Object.entries(lists).map(([name, words]) => [name, listPaths(words)] as const),
  ] as const
  for (const [name, content] of contents) writeFileSync(join(room, ownDirectory, name), content)
  return [
    '',
    ...contents.map(([name]) => name),
    patchesDirectory,
    ...patches.map(({ number }) => `${patchesDirectory}/${number}`),
  ]
}
