import { type ActionContext, readStoreConfig } from '../actions/context.ts'
import type { Emit } from '../actions/events.ts'
import { type Settings, readSettings, unknownVariables } from '../config/settings.ts'
import { OperationError } from '../errors.ts'
import type { StoreLayout } from '../store/layout.ts'
import { openStore } from '../store/open.ts'
import { describeInterruptedRestore, readInterruptedRestore } from '../store/restore-journal.ts'
import { assertPrivileges } from '../system/privileges.ts'
import type { CommandInput } from './command.ts'

/** For commands that only read; says on standard error what the user should know first. */
export function openStoreOnly({ environment, terminal }: CommandInput): {
  store: StoreLayout
  settings: Settings
} {
  const settings = readSettings(environment)
  for (const line of unknownVariables(environment)) terminal.stderr.write(`warning: ${line}\n`)
  return { store: openStore(settings.storeDirectory), settings }
}

/** For commands that change something. */
export function openContext(
  input: CommandInput,
  emit: Emit,
  { announceInterrupted = true } = {},
): ActionContext {
  assertPrivileges()
  const { store, settings } = openStoreOnly(input)
  if (announceInterrupted) announce(store, emit)
  return {
    store,
    config: readStoreConfig(store, settings),
    clock: input.clock,
    signal: input.signal,
    lockTimeoutMs: settings.lockTimeoutMs,
    emit,
  }
}

function announce(store: StoreLayout, emit: Emit): void {
  try {
    const interrupted = readInterruptedRestore(store)
    if (interrupted === undefined) return
    emit({
      type: 'warning',
      code: 'restore-interrupted',
      message: describeInterruptedRestore(interrupted),
    })
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    emit({ type: 'warning', code: 'journal', message: error.message })
  }
}
