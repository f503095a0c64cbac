/** What a command reads from and writes to: the process' own, or a client's. Nothing below `main` touches `process` itself. */
export interface Terminal {
  stdin: NodeJS.ReadStream
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
  /** Aborts when nobody can answer a question any more. */
  gone?: AbortSignal
}
