import type { BytePath } from './byte-path.ts'

/** Why a text is no pattern, and what to write instead. */
export class PatternError extends Error {
  override name = 'PatternError'
  readonly problem: string
  readonly fix: string

  constructor(problem: string, fix: string) {
    super(`${problem}: ${fix}`)
    this.problem = problem
    this.fix = fix
  }
}

/** A byte, any byte but a slash, one of some bytes, a run of bytes without a slash, or any run. */
export type Wildcard = number | '?' | ReadonlySet<number> | '*' | '**'

/** Reads a pattern in which `*`, `?`, `[` and `\` have a meaning; throws PatternError. */
export function parseWildcards(pattern: BytePath): Wildcard[] {
  const steps: Wildcard[] = []
  let at = 0
  while (at < pattern.length) {
    const { step, end } = parseStep(pattern, at)
    steps.push(step)
    at = end
  }
  return steps
}

interface Step {
  step: Wildcard
  end: number
}

function parseStep(pattern: BytePath, at: number): Step {
  switch (pattern[at]) {
    case '?':
      return { step: '?', end: at + 1 }
    case '*': {
      let end = at + 1
      while (pattern[end] === '*') end += 1
      return { step: end - at === 1 ? '*' : '**', end }
    }
    case '[':
      return parseClass(pattern, at + 1)
    default: {
      const { byte, end } = readByte(pattern, at)
      if (byte === undefined)
        throw new PatternError('it ends with a \\', 'write \\\\ for a backslash')
      return { step: byte, end }
    }
  }
}

/** The byte at a place, which a backslash may stand before; undefined where the pattern ends. */
function readByte(pattern: BytePath, at: number): { byte: number | undefined; end: number } {
  const place = pattern[at] === '\\' ? at + 1 : at
  return place < pattern.length
    ? { byte: pattern.charCodeAt(place), end: place + 1 }
    : { byte: undefined, end: place }
}

const slash = 0x2f

/** Reads what follows a `[`: a `]` that comes first is one of the bytes, and none is a slash. */
function parseClass(pattern: BytePath, start: number): Step {
  const isNegated = ['!', '^'].includes(pattern[start] ?? '')
  const first = isNegated ? start + 1 : start
  const bytes = new Set<number>()

  let before: number | undefined
  let at = first
  while (at === first || pattern[at] !== ']') {
    const named = readNamedClass(pattern, at)
    const isRange =
      pattern[at] === '-' && before !== undefined && ![undefined, ']'].includes(pattern[at + 1])
    const { byte, end } = readByte(pattern, isRange ? at + 1 : at)
    if (named !== undefined) for (const one of named.bytes) bytes.add(one)
    else if (byte === undefined) throw unclosed()
    else for (let one = isRange ? (before ?? byte) : byte; one <= byte; one += 1) bytes.add(one)

    // what ends a range, or is a class, begins no range
    before = isRange || named !== undefined ? undefined : byte
    at = named?.end ?? end
  }

  const step = new Set<number>()
  for (let byte = 1; byte < 256; byte += 1) {
    if (byte !== slash && bytes.has(byte) !== isNegated) step.add(byte)
  }

  return { step, end: at + 1 }
}

const namedClasses: Readonly<Record<string, RegExp>> = {
  alnum: /[A-Za-z0-9]/,
  alpha: /[A-Za-z]/,
  blank: /[ \t]/,
  cntrl: /[^ -~\x80-\xff]/,
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-/:-@[-`{-~]/,
  space: /[ \t-\r]/,
  upper: /[A-Z]/,
  xdigit: /[A-Fa-f0-9]/,
}

/** `[:NAME:]` within a class; undefined where it is none, and `[` is one of the bytes. */
function readNamedClass(
  pattern: BytePath,
  at: number,
): { bytes: number[]; end: number } | undefined {
  if (!pattern.startsWith('[:', at)) return undefined
  const close = pattern.indexOf(']', at + 2)
  if (close === -1) throw unclosed()
  if (close === at + 2 || pattern[close - 1] !== ':') return undefined

  const name = pattern.slice(at + 2, close - 1)
  const named = Object.hasOwn(namedClasses, name) ? namedClasses[name] : undefined
  if (named === undefined) {
    const names = Object.keys(namedClasses).join(', ')
    throw new PatternError(`there is no class [:${name}:]`, `write one of ${names}`)
  }

  const bytes = Array.from({ length: 256 }, (_, byte) => byte)
  return { bytes: bytes.filter((byte) => named.test(String.fromCharCode(byte))), end: close + 1 }
}

function unclosed(): PatternError {
  return new PatternError('it has a [ without its ]', 'write \\[ for the character')
}

/** Whether the steps fit all of a text from `start` on. */
export function fitsWildcards(steps: readonly Wildcard[], text: BytePath, start: number): boolean {
  let [step, at] = [0, start]
  // the last run of each kind, which takes one byte more where what follows it does not fit
  let run: { step: number; at: number } | undefined
  let longRun: { step: number; at: number } | undefined
  for (;;) {
    const wildcard = steps[step]
    if (wildcard === undefined && at === text.length) return true

    if (wildcard === '**') {
      longRun = { step, at }
      run = undefined
      step += 1
    } else if (wildcard === '*') {
      run = { step, at }
      step += 1
    } else if (at < text.length && fits(wildcard, text.charCodeAt(at))) {
      step += 1
      at += 1
    } else {
      if (run !== undefined && (run.at === text.length || text[run.at] === '/')) run = undefined
      const longer = run ?? longRun
      if (longer === undefined || longer.at === text.length) return false
      longer.at += 1
      step = longer.step + 1
      at = longer.at
    }
  }
}

function fits(wildcard: Wildcard | undefined, byte: number): boolean {
  if (wildcard === '?') return byte !== slash
  return typeof wildcard === 'object' ? wildcard.has(byte) : wildcard === byte
}
