import * as v from 'valibot'

/** What a client's terminal is like; a command that is given one prints as it would there. */
const terminalSchema = v.strictObject({
  /** Whether someone can answer a question. */
  canAnswer: v.optional(v.boolean(), false),
  stdout: v.strictObject({ isTTY: v.boolean(), columns: v.optional(v.number()) }),
  stderr: v.strictObject({ isTTY: v.boolean(), columns: v.optional(v.number()) }),
})

export const requestSchema = v.strictObject({
  /** As on the command line, without dashes: `{"snapshot": "latest", "dry-run": true}`. */
  options: v.optional(v.record(v.string(), v.unknown()), {}),
  terminal: v.optional(terminalSchema),
})

export const inputSchema = v.strictObject({ text: v.pipe(v.string(), v.maxLength(1024)) })

export type CommandRequest = v.InferOutput<typeof requestSchema>
export type TerminalShape = v.InferOutput<typeof terminalSchema>

/**
 * What the server streams for a command, a line of JSON each. Without a terminal in the request the
 * lines between the first and the last are those that the command prints with --json.
 */
export type RunLine =
  | { type: 'run'; id: string; command: string; startedAt: string }
  | { type: 'stdout' | 'stderr'; text: string }
  /** Whether the command reads each key as it is typed, until the next line of this kind. */
  | { type: 'keys'; on: boolean }
  /** So many lines before are not kept any more. */
  | { type: 'skipped'; lines: number }
  | { type: 'exit'; exitCode: number }

export const paths = {
  command: (name: string): string => `/v1/commands/${encodeURIComponent(name)}`,
  run: (id: string): string => `/v1/runs/${encodeURIComponent(id)}`,
  input: (id: string): string => `/v1/runs/${encodeURIComponent(id)}/input`,
}

/** A line that says nothing, for connections on which nothing else does for so long. */
export const aliveMs = 15_000

/**
 * A client whose connection was cut looks for its command so long; the command waits for its answer
 * as long.
 */
export const reconnectForMs = 60_000

export const mediaType = 'application/x-ndjson'
