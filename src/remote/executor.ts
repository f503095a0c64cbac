import { nearestOf } from '../system/nearest.ts'
import type { Terminal } from '../system/terminal.ts'

/** An option or an argument of a command, as its declaration tells it. */
export interface Parameter {
  name: string
  type: 'boolean' | 'string' | 'array'
  required: boolean
  describe: string
}

export interface RemoteCommand {
  name: string
  summary: string
  parameters: readonly Parameter[]
}

/** The commands that a client may run here. */
export interface CommandExecutor {
  commands: readonly RemoteCommand[]
  /** Runs one to its end and gives its exit code; what goes wrong is printed. */
  execute(
    command: string,
    options: Readonly<Record<string, unknown>>,
    terminal: Terminal,
    signal: AbortSignal,
  ): Promise<number>
}

/** What is wrong with the options of a request; undefined when nothing is. */
export function findWrongOption(
  { name, parameters }: RemoteCommand,
  options: Readonly<Record<string, unknown>>,
): string | undefined {
  for (const [key, value] of Object.entries(options)) {
    const parameter = parameters.find((known) => known.name === key)
    if (parameter === undefined) {
      const nearest = nearestOf(
        key,
        parameters.map((known) => known.name),
      )
      const hint = nearest === undefined ? '' : `, did you mean ${JSON.stringify(nearest)}?`
      return `${name} has no option ${JSON.stringify(key)}${hint}`
    }

    if (!fits(parameter.type, value)) return `${key} must be ${typeNames[parameter.type]}`
  }

  const missing = parameters.find(
    ({ required, name: key }) => required && !Object.hasOwn(options, key),
  )
  return missing === undefined ? undefined : `${missing.name} is missing`
}

const typeNames = { boolean: 'true or false', string: 'a text', array: 'a list of texts' } as const

function fits(type: Parameter['type'], value: unknown): boolean {
  return type === 'array'
    ? Array.isArray(value) && value.every((item) => typeof item === 'string')
    : typeof value === type
}
