import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { UsageError, messageOf } from '../src/errors.ts'

/** In the order they run. */
export const scenarioNames = [
  'first',
  'unchanged',
  'changed',
  'metadata',
  'moved',
  'steady',
  'restore',
  'delete',
  'large',
  'btrfs',
  'memory',
  'pause',
  'questions',
  'archive',
] as const

export type ScenarioName = (typeof scenarioNames)[number]

export interface Options {
  files: number
  runs: number
  scenarios: ScenarioName[]
  /**
   * Where the figures are written, for a part of the scenarios in the place of those they have
   * there; undefined for nowhere.
   */
  output: string | undefined
}

const docs = fileURLToPath(new URL('../docs/', import.meta.url))

/** One percent of fewer files is none. */
const fewestFiles = 100

/** Throws UsageError. */
export function parseOptions(words: readonly string[]): Options {
  const { files, runs, only, output } = parseWords(words)
  return {
    files: parseCount('--files', files, fewestFiles),
    runs: parseCount('--runs', runs, 1),
    scenarios: only === undefined ? [...scenarioNames] : parseScenarios(only),
    output: output ?? (only === undefined ? docs : undefined),
  }
}

function parseWords(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        files: { type: 'string', default: '100000' },
        runs: { type: 'string', default: '5' },
        only: { type: 'string' },
        output: { type: 'string' },
      },
    }).values
  } catch (error) {
    throw new UsageError(messageOf(error), { cause: error })
  }
}

function parseCount(option: string, text: string, least: number): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : NaN
  if (count >= least) return count
  throw new UsageError(`${option} is ${text}: give a whole number from ${least} on`)
}

function parseScenarios(text: string): ScenarioName[] {
  const wanted = text.split(',')
  const unknown = wanted.find((word) => !scenarioNames.some((name) => name === word))
  if (unknown !== undefined) {
    throw new UsageError(
      `there is no scenario '${unknown}': choose from ${scenarioNames.join(', ')}`,
    )
  }
  return scenarioNames.filter((name) => wanted.includes(name))
}
