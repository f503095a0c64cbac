import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * The keys of a terminal as they are typed, without Enter and without an echo, until it is
 * disposed.
 */
export interface Keys extends Disposable {
  /** What was typed before anyone asked. */
  readonly ahead: string
  /** Resolves with what is typed next; '' when the terminal is gone. Ctrl-C is a key here. */
  next(): Promise<string>
}

/** Begins to read the keys of `stdin`, which is a terminal. */
export async function readKeys(stdin: NodeJS.ReadStream): Promise<Keys> {
  let typed = ''
  let isGone = false
  let changed = Promise.withResolvers<void>()
  const take = (chunk: Buffer | string): void => {
    typed += chunk.toString()
    changed.resolve()
  }

  const end = (): void => {
    isGone = true
    changed.resolve()
  }

  // it stays: to set the mode of a terminal that is gone is an error too
  stdin.on('error', end)
  stdin.setRawMode(true)
  stdin.on('data', take).on('end', end).resume()
  await untilHeldIsRead()
  const ahead = typed
  typed = ''

  return {
    ahead,
    async next() {
      if (typed === '' && !isGone) {
        changed = Promise.withResolvers<void>()
        await changed.promise
      }

      const text = typed
      typed = ''
      return text
    },
    [Symbol.dispose]() {
      stdin.off('data', take).off('end', end).pause()
      stdin.setRawMode(false)
    },
  }
}

/**
 * What a terminal or a pipe held when it began to be read has come then: this turn of the event
 * loop may have looked already.
 */
export async function untilHeldIsRead(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await nextTurn()
}

/**
 * Whether what was typed before a question says nothing but yes: nobody had read what it is a yes
 * to.
 */
export function isMereConsent(typedAhead: string): boolean {
  return /^(\s|y(es)?)*$/i.test(typedAhead)
}
