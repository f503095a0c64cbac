import type { BesideWork } from '../actions/context.ts'
import type { Environment } from '../config/variables.ts'
import type { Clock } from '../system/clock.ts'
import type { Terminal } from '../system/terminal.ts'

export interface CommandInput {
  /** The words after the command, parsed by its declaration. */
  options: Readonly<Record<string, unknown>>
  json: boolean
  /** All that there are, this one among them. */
  commands: readonly Command[]
  terminal: Terminal
  environment: Environment
  clock: Clock
  /** Aborts on SIGINT, SIGTERM and SIGHUP, which is its reason. */
  signal: AbortSignal
  /** Where a daemon runs the command. */
  beside?: BesideWork
}

export interface Option {
  type: 'boolean' | 'string' | 'array'
  /** One letter. */
  alias?: string
  /** What stands for the value in the help. */
  value?: string
  describe: string
  offers?: Extract<Offer, string>
}

export interface Positional {
  name: string
  describe: string
  required: boolean
  many?: boolean
  /** It comes behind `--`, so that it is told from one that is left out. */
  behindDashes?: boolean
  offers?: Offer
}

/**
 * What a shell offers on TAB: these words, or what there is of commands, snapshots, their labels,
 * or files.
 */
export type Offer = readonly string[] | 'commands' | 'snapshots' | 'labels' | 'paths'

/** One command: what the help says of it, what the parser accepts, and what it does. */
export interface Command {
  name: string
  summary: string
  /** Command lines without the program's name, and what each does. */
  examples: readonly (readonly [line: string, does: string])[]
  /** Paragraphs after the examples. */
  details?: readonly string[]
  positionals: readonly Positional[]
  options: Readonly<Record<string, Option>>
  /** Never handed to a daemon elsewhere. */
  isLocal?: boolean
  /**
   * Makes a result of a failure and gives its exit code; undefined to let it be the failure that it
   * is.
   */
  recover?: (error: unknown, input: CommandInput) => number | undefined
  /** Returns the exit code; loads what it needs when it is called, to keep the start-up light. */
  run: (input: CommandInput) => Promise<number>
}
