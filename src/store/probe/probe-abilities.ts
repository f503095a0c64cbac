import { lstatSync, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import type { Lack, StoreAbilities } from '../abilities.ts'
import type { StoreLayout } from '../layout.ts'
import { probeAttributes } from './attributes.ts'
import { highestId, probeEntries } from './entries.ts'
import { probeNames } from './names.ts'
import { describeRange, probeTimes } from './times.ts'

export interface StoreProbe {
  abilities: StoreAbilities
  /** Whether ACLs and extended attributes could be tried, which needs a tar that knows them. */
  triedAttributes: boolean
}

const prefix = 'probe.'

/**
 * Tries what the store's filesystem keeps, in a directory of its own that is gone afterwards.
 * Throws an error of the system when nothing can be written there.
 */
export async function probeAbilities({ directory, own }: StoreLayout): Promise<StoreProbe> {
  removeLeftProbes(own)
  const home = mkdtempSync(join(own, prefix))
  try {
    const id = highestId()
    const attributes = await probeAttributes(home, id)
    const entryLacks = probeEntries(home, id)
    const times = probeTimes(join(home, 'file'))

    const lacks: (Lack | false)[] = [
      ...entryLacks,
      attributes?.acls === false && 'ACLs',
      attributes?.xattrs === false && 'xattrs',
      ...probeNames(join(home, 'names')),
      isInMemory(directory) && 'data after a restart',
    ]

    const found = lacks.filter((lack) => lack !== false)
    return {
      abilities: { lacks: [...found, ...describeRange(times)], ...times },
      triedAttributes: attributes !== undefined,
    }
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

/** What a probe left that was killed. */
function removeLeftProbes(own: string): void {
  const longestMs = 600_000
  for (const name of readdirSync(own).filter((each) => each.startsWith(prefix))) {
    const path = join(own, name)
    const stat = lstatSync(path, { throwIfNoEntry: false })
    if (stat !== undefined && stat.mtimeMs < Date.now() - longestMs) {
      rmSync(path, { recursive: true, force: true })
    }
  }
}

/** From linux/magic.h. */
const tmpfs = 0x0102_1994
const ramfs = 0x8584_58f6

function isInMemory(directory: string): boolean {
  const { type } = statfsSync(directory)
  return type === tmpfs || type === ramfs
}
