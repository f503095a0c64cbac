import { OperationError, errorCode } from '../../errors.ts'
import { type BytePath, displayPath } from '../../tree/byte-path.ts'

/** Does something to a live entry, and says what to do where the kernel refuses that. */
export function explainRefusal<T>(path: BytePath, act: () => T): T {
  try {
    return act()
  } catch (error) {
    const refusal = refusals[errorCode(error) ?? '']
    if (refusal === undefined) throw error
    throw cannotReplace(path, refusal, error)
  }
}

/** Something is mounted there. */
export function inUseAt(path: BytePath): OperationError {
  return cannotReplace(path, inUse)
}

function cannotReplace(path: BytePath, { why, fix }: Refusal, cause?: unknown): OperationError {
  return new OperationError(`${displayPath(path)} cannot be replaced: ${why};`, { cause, fix })
}

export function went(path: BytePath): OperationError {
  return new OperationError(`the directory of ${displayPath(path)} went while it was restored`, {
    fix: 'nobody may write there; restore again',
  })
}

interface Refusal {
  why: string
  fix: string
}

const inUse: Refusal = {
  why: 'something is mounted there',
  fix: 'unmount it and restore again',
}

/** What rename(2) and link(2) say of names that cannot be exchanged. */
const refusals: Readonly<Record<string, Refusal>> = {
  EXDEV: {
    why: 'it is in another project or filesystem than its volume',
    fix: 'have both on one and restore again',
  },
  EPERM: { why: 'it is immutable', fix: 'chattr -i it and restore again' },
  EBUSY: inUse,
  EISDIR: inUse,
  ENOTEMPTY: {
    why: 'somebody writes there',
    fix: 'stop whoever uses the volume and restore again',
  },
}
