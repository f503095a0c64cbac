import { readFile, rm, writeFile } from 'node:fs/promises'
import { below, pick } from './random.ts'
import { type Tree, settle } from './tree.ts'

const overwrittenShare = 0.01
const deletedShare = 0.001
const addedShare = 0.001

/** What happened to live data. */
export interface Damage {
  /** Throws when a restore did not bring back what was lost. */
  assertUndone(): Promise<void>
  /** Not every restore removes what was added. */
  removeAdded(): Promise<void>
}

/**
 * One percent of the files is overwritten, of every thousand files one is deleted and one is new.
 */
export async function damage({ files, random, content }: Tree): Promise<Damage> {
  const overwritten = pick(random, files, overwrittenShare)
  const deleted = pick(random, files, deletedShare)
  const added = pick(random, files, addedShare).map((path) => `${path}-added`)
  const probes = [...deleted, overwritten[below(random, overwritten.length)] ?? '']
  const probed = await Promise.all(
    probes.map(async (path) => ({ path, content: await readFile(path) })),
  )
  for (const path of [...overwritten, ...added]) await writeFile(path, content())
  for (const path of deleted) await rm(path)
  await settle()
  return {
    async assertUndone() {
      for (const { path, content } of probed) {
        if (!content.equals(await readFile(path))) throw new Error(`${path} was not restored`)
      }
    },
    async removeAdded() {
      for (const path of added) await rm(path, { force: true })
      await settle()
    },
  }
}
