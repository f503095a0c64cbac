import { type ActionContext, contextOfProcess, readStoreConfig } from '../actions/context.ts'
import type { Emit } from '../actions/events.ts'
import { listProofs } from '../store/clones.ts'
import { hasConsumerJournal } from '../store/consumer-journal.ts'
import { type Settings, readSettings, unknownVariables } from '../config/settings.ts'
import { OperationError } from '../errors.ts'
import { type StoreLayout, storeLayout } from '../store/layout.ts'
import { openStore } from '../store/open.ts'
import { explainInterruptedRestore, readInterruptedRestore } from '../store/restore-journal.ts'
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

/**
 * For commands that change something; first resumes consumers that a process which was killed left
 * paused or stopped, but those who are stopped where `leavesStopped` says that the command starts
 * them itself.
 */
export async function openContext(
  input: CommandInput,
  emit: Emit,
  { announceInterrupted = true, leavesStopped = false } = {},
): Promise<ActionContext> {
  assertPrivileges()
  const { store, settings } = openStoreOnly(input)
  if (announceInterrupted) announce(store, emit)
  const context: ActionContext = {
    store,
    config: readStoreConfig(store, settings),
    clock: input.clock,
    signal: input.signal,
    ...contextOfProcess(settings, input.environment),
    ...(input.beside && { ...input.beside, startedBy: 'client' }),
    emit,
  }

  if (hasConsumerJournal(store)) await resumeHeld(context, { leavesStopped })
  if (listProofs(store).length > 0) await tidyProofs(context)
  return context
}

/** The same for commands that only read. */
export async function resumeBeforeReading(
  input: CommandInput,
  store: StoreLayout,
  settings: Settings,
): Promise<void> {
  if (!hasConsumerJournal(store)) return
  const { createEventPrinter } = await import('./render/event-printer.ts')
  // standard output is for what was asked for
  const { emit } = await createEventPrinter(
    { ...input.terminal, stdout: input.terminal.stderr },
    false,
  )
  const process = contextOfProcess(settings, input.environment)

  try {
    await resumeHeld({
      store,
      clock: input.clock,
      ...process,
      config: readStoreConfig(store, settings),
      emit,
    })
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    emit({ type: 'warning', code: 'consumer-not-resumed', message: error.message })
  }
}

/** The same where there may be no store. */
export async function resumeLeft(input: CommandInput): Promise<void> {
  const settings = readSettings(input.environment)
  const store = storeLayout(settings.storeDirectory)
  if (hasConsumerJournal(store))
    await resumeBeforeReading(input, openStore(store.directory), settings)
}

async function tidyProofs(context: ActionContext): Promise<void> {
  const { removeLeftProofs } = await import('../actions/prove/remove-left.ts')
  await removeLeftProofs(context)
}

async function resumeHeld(context: ActionContext, options = {}): Promise<void> {
  const { resumeAfterCrash } = await import('../actions/consumers/resume-after-crash.ts')
  await resumeAfterCrash(context, context.config.volumes, options)
}

function announce(store: StoreLayout, emit: Emit): void {
  try {
    const interrupted = readInterruptedRestore(store)
    if (interrupted === undefined) return
    emit({
      type: 'warning',
      code: 'restore-interrupted',
      message: explainInterruptedRestore(interrupted).message,
    })
  } catch (error) {
    if (!(error instanceof OperationError)) throw error
    emit({ type: 'warning', code: 'journal', message: error.message })
  }
}
