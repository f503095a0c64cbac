/**
 * What a command reads from and writes to: the process' own, or a client's. Nothing below `main`
 * touches `process` itself.
 */
export interface Terminal {
  stdin: NodeJS.ReadStream
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
  /**
   * Where whoever answers can be cut off. Resolves with true when somebody has been there for `ms`
   * without a break, with false when nobody comes back. Rejects when `signal` aborts.
   */
  timeToAnswer?: (ms: number, signal: AbortSignal) => Promise<boolean>
}
