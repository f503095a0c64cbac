import * as v from 'valibot'

/**
 * What the filesystem of a store keeps of what it is given, as it was tried by writing and reading
 * back.
 */
export const abilitiesSchema = v.object({
  /** What it does not keep, in the words of `whatLacks`, or `times before 1970` and the like. */
  lacks: v.array(v.string()),
  /** Modification times are multiples of so many ns; 1 where they are kept exactly. */
  mtimeStepNs: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  /**
   * From when to when they were seen to be kept, in seconds since 1970; missing where all that were
   * tried are.
   */
  mtimeRange: v.optional(v.object({ from: v.number(), to: v.number() })),
})

export type StoreAbilities = v.InferOutput<typeof abilitiesSchema>

/** Of a filesystem that keeps all, and of one that nobody has tried. */
export const allAbilities: StoreAbilities = { lacks: [], mtimeStepNs: 1 }

/**
 * For each lack whether a restore may be wrong without a word. Names that cannot be made fail the
 * snapshot instead.
 */
const isSilent = {
  owners: true,
  modes: true,
  ACLs: true,
  xattrs: true,
  symlinks: true,
  'hard links': true,
  case: true,
  names: true,
  'data after a restart': true,
  'names with a colon': false,
  'names not in UTF-8': false,
} as const

export type Lack = keyof typeof isSilent

/** Those for which `start` refuses the store. */
export function silentLacks({ lacks }: StoreAbilities): string[] {
  return lacks.filter((lack) => Object.hasOwn(isSilent, lack) && isSilent[lack as Lack])
}

/** The fields of a snapshot's record: none where the store keeps all. */
export function recordOfAbilities({ lacks, mtimeStepNs }: StoreAbilities): {
  storeLacks?: string[]
  mtimeStepNs?: number
} {
  return {
    ...(lacks.length === 0 ? {} : { storeLacks: [...lacks] }),
    ...(mtimeStepNs === 1 ? {} : { mtimeStepNs }),
  }
}
